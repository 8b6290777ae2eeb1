import DeviceFakes
import Devices

extension FuzzTarget {
  /// More would need more guest memory than is watched.
  private static let messageLimit = 1000

  /// A console with a named port: any driver, any control messages, and peers that come and go. An honest driver has
  /// its port afterwards.
  static func virtioConsolePorts(_ bytes: [UInt8]) throws {
    var watch: WatchedTransport?
    let ports = try PortDriver(["data"], size: ConsoleSize(columns: 80, rows: 25)) { device in
      let (driver, watched) = try watched(device)
      watch = watched
      return driver
    }
    guard let watch else { throw Finding(description: "the transport was not put on the bus") }
    try ports.startAndAdd()
    var peers: [FakeStream] = []
    var script = Script(bytes, edge: WatchedMemory.size)
    var messages = 0
    var scripted = ScriptedDriver(ports.driver, queues: 6) { script in
      if script.byte() % 2 == 0, messages < messageLimit {
        messages += 1
        sendMessage(&script, ports)
      } else {
        disturb(&script, ports, &peers)
      }
    }
    while !script.isAtEnd {
      try scripted.step(&script)
      try watch.check()
    }
    // The peers that the device holds are let go by the reset; those that wait, by the next line.
    ports.hosts[0].forget()
    try ports.startAndAdd()
    try check(ports.driver.status == 15, "the device does not start again: \(ports.driver.status)")
    try check(peers.allSatisfy { $0.isClosed || $0.written.isEmpty }, "a peer outlives the reset")
    try checkPort(ports)
    try watch.check()
  }

  private static func sendMessage(_ script: inout Script, _ ports: PortDriver) {
    let event = UInt16(script.byte() % 10)
    let port = script.byte() % 8 < 6 ? UInt32(script.byte() % 3) : UInt32(truncatingIfNeeded: script.value())
    let value = script.byte() % 8 < 7 ? UInt16(script.byte() % 2) : UInt16(truncatingIfNeeded: script.value())
    // Rings that the script has spoilt may not take it.
    try? ports.send(event, port, value)
  }

  private static func disturb(_ script: inout Script, _ ports: PortDriver, _ peers: inout [FakeStream]) {
    let number = script.number(below: 4)
    let peer = number < peers.count ? peers[number] : nil
    switch script.byte() % 8 {
    case 0 where peers.count < 4:
      peers.append(FakeStream())
      ports.hosts[0].connect(peers[peers.count - 1])
    case 1:
      peer?.toRead += script.bytes(script.number(below: 64))
      peer?.become(.read)
    case 2: peer?.room = Int(script.byte())
    case 3: peer?.become(.write)
    case 4:
      peer?.atEnd = true
      peer?.become(script.byte() % 2 == 0 ? .read : [.read, .write, .hungUp])
    case 5: ports.device.resize(to: ConsoleSize(columns: UInt16(script.byte()), rows: 9))
    case 6: _ = ports.device.input(script.bytes(script.number(below: 64)))
    default: _ = try? ports.messages()
    }
  }

  private static func checkPort(_ ports: PortDriver) throws {
    let peer = FakeStream()
    ports.hosts[0].connect(peer)
    try ports.send(.open, 1)
    try check(try ports.messages().contains(.init(.open, 1)), "the driver is not told of a peer")
    try check(try ports.write(1, "out") == 1 && peer.written == Array("out".utf8), "no more output of a port")
    peer.toRead = Array("in".utf8)
    peer.become(.read)
    try ports.offer(1)
    try check(try ports.input(1) == Array("in".utf8), "no more input of a port")
    peer.atEnd = true
    peer.become([.read, .write, .hungUp])
    try check(try ports.messages() == [.init(.open, 1, 0)], "the driver is not told that a peer has gone")
    try check(ports.driver.takeViolations().isEmpty, "an honest driver is blamed")
  }
}
