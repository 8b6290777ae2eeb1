import Platform

/// A buffer of a request.
struct Part {
  var address: UInt64
  var length: UInt32
  var writable: Bool
}

/// One device with one of its queues, brought up and ready to be treated badly.
struct Target {
  /// Most descriptors a queue under attack has; fewer where the device has no room for them.
  private static let largestQueueSize: UInt32 = 16

  let device: VirtioDevice
  let features: UInt64
  let memory: Memory
  var queue: VirtioQueue
  /// A well-formed request of the device's kind, of `partCount` buffers.
  private(set) var parts: [3 of Part]
  private(set) var partCount = 1

  var queueSize: UInt16 { queue.size }

  /// Resets the device and brings it up to FEATURES_OK with a queue that is attached to nothing yet.
  init?(_ device: VirtioDevice, queue index: UInt32, features wanted: UInt64, memory: Memory) {
    guard let agreed = device.negotiate(wanted) else { return nil }
    self.device = device
    self.memory = memory
    features = agreed
    device.write(Register.queueSel, index)
    let size = min(device.read(Register.queueNumMax), Target.largestQueueSize)
    guard size > 0 else { return nil }
    queue = VirtioQueue(index, size: UInt16(size), features: agreed)
    parts = [Part(address: memory.data, length: 64, writable: true), .none, .none]
    var writer = Writer(at: memory.header)
    switch (device.kind, index) {
    case (.block, _):
      writer.put(UInt64(0))  // read
      writer.put(UInt64(0))  // sector 0
      setParts(header: writer.count, data: 512, isWritten: true, result: 1)
    case (.network, 1):
      Network.question(&writer)
      setParts(header: Network.headerSize, data: 60, isWritten: false)
    case (.socket, 1):
      SocketHeader(device, Socket.Operation.request, from: 1).write(&writer)
      setParts(header: writer.count)
    case (.share, _):
      Fuse.initialize(&writer)
      store32(memory.header, writer.count)
      setParts(header: writer.count, data: 128, isWritten: true)
    case (.balloon, 0..<3):
      for page in 0..<UInt32(15) { writer.put(UInt32(Memory.lent >> 12) &+ page) }
      setParts(header: writer.count)
    case (.console, 3):
      Control.message(&writer, Control.deviceReady, port: 0, 1)
      setParts(header: writer.count)
    case (.console, _): parts[0].writable = index & 1 == 0
    default: break
    }
  }

  /// A header, data and a result, as far as there are any.
  private mutating func setParts(
    header: UInt32, data: UInt32 = 0, isWritten: Bool = false, result: UInt32 = 0
  ) {
    parts[0] = Part(address: memory.header, length: header, writable: false)
    parts[1] = Part(address: memory.data, length: data, writable: isWritten)
    parts[2] = Part(address: memory.result, length: result, writable: true)
    partCount = result > 0 ? 3 : data > 0 ? 2 : 1
  }

  // MARK: breaking a request

  /// Offers the request with one of its buffers changed.
  mutating func offer(changing position: Int, _ change: (inout Part) -> Void) {
    change(&parts[position % partCount])
    offerParts()
  }

  /// Offers the request with its descriptors changed in the table: `change` gets the table's address.
  mutating func offer(indirect: Bool = false, changingTable change: (UInt64) -> Void) {
    queue.begin(indirect: indirect)
    for index in 0..<partCount {
      queue.add(parts[index].address, parts[index].length, writable: parts[index].writable)
    }
    change(indirect ? queue.indirectTable : queue.descriptors)
    queue.push()
    poke()
  }

  private mutating func offerParts() { offer { _ in } }

  /// Offers a chain the caller put into the table, beginning at descriptor `head`.
  mutating func offer(head: UInt16) {
    queue.push(head: head)
    poke()
  }

  /// Writes a descriptor without any check.
  func put(_ entry: UInt16, _ address: UInt64, _ length: UInt32, _ flags: UInt16, next: UInt16 = 0) {
    VirtioQueue.put(queue.descriptors, entry, address, length, flags, next: next)
  }

  /// Notifies the device and leaves it a moment to do something wrong.
  func poke() {
    full_barrier()
    device.notify(queue.index)
    _ = Patience.wait(cycles: 20_000) {
      queue.hasUsed || device.read(Register.status) & Status.needsReset != 0
    }
  }
}

extension Part {
  fileprivate static var none: Part { Part(address: 0, length: 0, writable: false) }
}

/// Where things are in guest memory. Buffers lie at its very end, so that a length which is too large reaches
/// no memory of the guest's own.
struct Memory {
  static let playgroundSize: UInt64 = 0x10000
  /// Memory the guest itself does without: it may be lent to the host, and comes back as zeros.
  static let lent: UInt64 = 0x80_0000
  static let lentPages: UInt64 = 0x400

  /// The end of the RAM this guest lies in.
  let end: UInt64

  var playground: UInt64 { end &- Memory.playgroundSize }
  var data: UInt64 { end &- 0x2000 }
  var header: UInt64 { end &- 0x100 }
  var result: UInt64 { end &- 0x80 }

  /// Finds the RAM around 1 MiB in the E820 map of boot_params.
  init?(bootParameters: UInt64) {
    let entryCount = UInt64(load8(bootParameters &+ 0x1e8))
    for index in 0..<min(entryCount, 128) {
      let entry = bootParameters &+ 0x2d0 &+ 20 &* index
      let start = load64(entry)
      let size = load64(entry &+ 8)
      guard load32(entry &+ 16) == 1, start <= 0x10_0000, size > 0xff_0000 else { continue }
      end = start &+ size
      return
    }
    return nil
  }

  /// Addresses at which no buffer of 512 bytes can be.
  var badAddresses: [8 of UInt64] {
    [
      end, end &- 8, end &+ 0x1000_0000_0000, 0xd000_0000, 0xfee0_0000, 1 << 63, ~0 &- 15, ~0,
    ]
  }
}
