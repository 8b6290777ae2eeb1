import Platform

/// Receive buffers of one queue, each of one descriptor, given back to the device as they are read.
struct Pool {
  let device: VirtioDevice
  var queue: VirtioQueue
  private let start: UInt64
  private let size: UInt64

  /// As many buffers of `size` bytes as the queue has room for.
  init(_ device: VirtioDevice, _ queue: VirtioQueue, size: UInt64) {
    self.device = device
    self.queue = queue
    self.size = size
    start = Arena.take(size &* UInt64(queue.size), cleared: false)
  }

  /// To be called when the device runs.
  mutating func fill() {
    for head in 0..<queue.size { offer(head) }
    queue.kick(device, count: queue.size)
  }

  private mutating func offer(_ head: UInt16) {
    queue.begin(at: head)
    queue.add(start &+ size &* UInt64(head), UInt32(size), writable: true)
    queue.push()
  }

  /// Waits for the next buffer and reads it by `body`, which gets its address and the bytes in it. nil where none comes.
  mutating func next<Result>(_ body: (UInt64, UInt32) -> Result) -> Result? {
    guard let used = queue.take(), used.id < UInt32(queue.size) else { return nil }
    let result = body(start &+ size &* UInt64(used.id), used.length)
    offer(UInt16(used.id))
    queue.kick(device)
    return result
  }
}
