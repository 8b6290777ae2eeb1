import Platform

/// Where the memory is that the balloon gets: the guest lies far below it.
private let lent: UInt64 = 64 << 20
private let pages: UInt64 = 256

/// Puts memory that was touched into the balloon, a mebibyte by each request as Linux does, and takes it out again: its
/// pages one after the other, or none beside the one before it. Needs 128 MiB of memory.
func measureBalloon(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  guard let features = device.negotiate(Feature.eventIndex) else { return false }
  var inflate = VirtioQueue(0, size: 4, features: features)
  var deflate = VirtioQueue(1, size: 4, features: features)
  guard device.attach(inflate), device.attach(deflate) else { return false }
  device.run()
  let count = min(count, Many.mebibytes)
  let all = count &+ Work.preparation
  let neighbours = Arena.take(4 &* pages &* all, cleared: false)
  let scattered = Arena.take(4 &* pages &* all, cleared: false)
  for mebibyte in 0..<all {
    for number in 0..<pages {
      let place = 4 &* (pages &* mebibyte &+ number)
      let first = lent >> 12 &+ pages &* mebibyte
      store32(neighbours &+ place, UInt32(truncatingIfNeeded: first &+ number))
      // The even ones, then the odd ones.
      let apart = number << 1 & (pages &- 1) | number >> 7
      store32(scattered &+ place, UInt32(truncatingIfNeeded: first &+ apart))
    }
  }
  func touch(_ mebibyte: UInt64) -> Bool {
    let start = lent &+ mebibyte << 20
    var place = start
    while place < start &+ 1 << 20 {
      store8(place, 1)
      place &+= 4096
    }
    return true
  }
  func send(_ queue: inout VirtioQueue, _ numbers: UInt64, _ mebibyte: UInt64) -> Bool {
    queue.begin()
    queue.add(numbers &+ 4 &* pages &* mebibyte, UInt32(4 &* pages))
    return queue.complete(device) != nil
  }
  let subject = Subject.device(device)
  for mebibyte in 0..<all { _ = touch(mebibyte) }
  Work.inflate.measure(count, subject) { send(&inflate, neighbours, $0) && load8(lent &+ $0 << 20) == 0 }
  Work.deflate.measure(count, subject) { send(&deflate, neighbours, $0) }
  Work.touch.measure(count, subject) { touch($0) }
  Work.inflateScattered.measure(count, subject) { send(&inflate, scattered, $0) }
  return true
}
