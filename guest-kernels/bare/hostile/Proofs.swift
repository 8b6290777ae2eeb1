import Platform

/// Good requests, as proof that a device works.
struct Proofs {
  let device: VirtioDevice
  let memory: Memory
  private var count: UInt64 = 0

  init(_ device: VirtioDevice, _ memory: Memory) {
    self.device = device
    self.memory = memory
  }

  /// Brings the device up anew and has it do a good request.
  mutating func work() -> Bool {
    count &+= 1
    return Arena.scope {
      switch device.kind {
      case .block: block()
      case .console: console()
      case .entropy: entropy()
      case .network: with(network)
      case .balloon: with(balloon)
      case .socket: with(socket)
      case .share: share()
      case nil: device.negotiate(0) != nil
      }
    }
  }

  private func with(_ body: (inout Rig) -> Bool) -> Bool {
    guard var rig = Rig(device), rig.start() else { return false }
    return body(&rig)
  }

  /// A writable disk must keep what is written to its last sector; another must read the same twice.
  private func block() -> Bool {
    guard var driver = BlockDriver(device, wanted: 0), driver.capacity > 0 else { return false }
    let sector = driver.capacity &- 1
    let written = Arena.take(512)
    let read = Arena.take(512)
    let type = driver.isReadOnly ? Block.Request.read : Block.Request.write
    if !driver.isReadOnly {
      store64(written, count)
      store64(written &+ 504, ~count)
    }
    guard driver.request(type, sector, written, 512) == Block.Result.ok else { return false }
    guard driver.request(Block.Request.read, sector, read, 512) == Block.Result.ok else { return false }
    return load64(read) == load64(written) && load64(read &+ 504) == load64(written &+ 504)
  }

  /// The console shows a dot for each proof; one with named ports tells of a port, too.
  private func console() -> Bool {
    if device.queueCount > Control.transmit, !with(controlledConsole) { return false }
    guard var driver = ConsoleDriver(device, wanted: 0) else { return false }
    let dot = Arena.take(1)
    store8(dot, 0x2e)
    return driver.send(dot, 1)
  }

  private func controlledConsole(_ rig: inout Rig) -> Bool {
    let answer = Arena.take(128)
    let message = Arena.take(8)
    var writer = Writer(at: message)
    Control.message(&writer, Control.deviceReady, port: 0, 1)
    rig.offer(Control.receive, answer, 128, writable: true)
    guard rig.request(Control.transmit, message, writer.count) != nil else { return false }
    guard let element = rig.queues[Control.receive].take(), element.length >= 8 else { return false }
    return load16(answer &+ 4) == Control.portAdd
  }

  private func entropy() -> Bool {
    guard var driver = EntropyDriver(device, wanted: 0) else { return false }
    let data = Arena.take(16)
    let count = driver.fill(data, 16) ?? 0
    return count > 0 && count <= 16
  }

  /// Somebody on the network answers who has the gateway's address. Frames from before may come first.
  private func network(_ rig: inout Rig) -> Bool {
    let frame = Arena.take(2048)
    let message = Arena.take(64)
    var writer = Writer(at: message)
    Network.question(&writer)
    guard rig.request(1, message, writer.count) != nil else { return false }
    for _ in 0..<256 {
      rig.offer(0, frame, 2048, writable: true)
      guard let element = rig.queues[0].take(), element.length > Network.headerSize else { return false }
      let start = frame &+ UInt64(Network.headerSize)
      let type = load16(start &+ Network.frameTypePlace)
      if type == Network.addressResolution, load8(start &+ 21) == 2 { return true }
    }
    return false
  }

  /// A page that the balloon has taken is zero when it is touched again.
  private func balloon(_ rig: inout Rig) -> Bool {
    let page = Memory.lent &+ 0x1000
    store64(page, 0x7777)
    let number = Arena.take(4)
    store32(number, UInt32(truncatingIfNeeded: page >> 12))
    guard rig.request(0, number, 4) != nil, load64(page) == 0 else { return false }
    store64(page, 0x7777)
    return rig.request(1, number, 4) != nil && load64(page) == 0x7777
  }

  /// Somebody on the host sends back what a connection carries.
  private func socket(_ rig: inout Rig) -> Bool {
    let message = Arena.take(64)
    let answer = Arena.take(256)
    let port = UInt32(truncatingIfNeeded: 0x1_0000 &+ count)
    func send(_ operation: UInt16, _ length: UInt32 = 0, flags: UInt32 = 0) -> Bool {
      var header = SocketHeader(device, operation, from: port)
      header.length = length
      header.flags = flags
      var writer = Writer(at: message)
      header.write(&writer)
      writer.put(count)
      return rig.request(1, message, Socket.headerSize &+ length) != nil
    }
    func receives(_ operation: UInt16) -> Bool {
      for _ in 0..<16 {
        rig.offer(0, answer, 256, writable: true)
        guard rig.queues[0].take() != nil else { return false }
        if load16(answer &+ Socket.operationPlace) == operation, load32(answer &+ 20) == port { return true }
      }
      return false
    }
    guard send(Socket.Operation.request), receives(Socket.Operation.response) else { return false }
    guard send(Socket.Operation.data, 8), receives(Socket.Operation.data) else { return false }
    guard load64(answer &+ UInt64(Socket.headerSize)) == count else { return false }
    return send(Socket.Operation.shutdown, flags: 3) && receives(Socket.Operation.reset)
  }

  /// A new file of the shared directory keeps what is written to it.
  private func share() -> Bool {
    guard var driver = ShareDriver(device, wanted: 0) else { return false }
    driver.prepare(Fuse.Operation.unlink, ShareDriver.root) { $0.put("proof\0") }
    _ = driver.send()  // there is none the first time
    driver.prepare(Fuse.Operation.create, ShareDriver.root) { writer in
      writer.put(UInt32(0xc2))  // O_RDWR, O_CREAT, O_EXCL
      writer.put(UInt32(0o100600))
      writer.put(UInt64(0))
      writer.put("proof\0")
    }
    guard driver.send() else { return false }
    let node = load64(driver.answer)
    let handle = load64(driver.answer &+ 128)  // behind the entry
    let data = Arena.take(8)
    store64(data, count)
    driver.prepareTransfer(Fuse.Operation.write, node, handle: handle, 8)
    guard driver.write(at: 0, data, 8) else { return false }
    store64(data, 0)
    driver.prepareTransfer(Fuse.Operation.read, node, handle: handle, 8)
    return driver.read(at: 0, data, 8) && load64(data) == count
  }
}
