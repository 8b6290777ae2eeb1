import LinuxSystem

/// The world outside a serial port.
public protocol SerialHost: Sendable {
  /// Takes a byte the guest sent. False when there is no room now: the port then holds the guest back, and whoever
  /// implements this calls `Serial16550.resumeTransmit` once there is room. Called on vCPU threads with the port
  /// locked: it must not call the port.
  func transmit(_ byte: UInt8) -> Bool

  /// The guest has emptied the receive FIFO, or become ready to receive, after `Serial16550.receive` had to refuse bytes. Called on vCPU threads.
  func receiveRoom()
}

/// A 16550A serial port: FIFOs, interrupts in both directions, loopback, divisor and scratch registers.
///
/// Bytes leave as fast as the host takes them, whatever the divisor says. Eight byte registers.
public final class Serial16550: ByteRegisterDevice {
  private let port: Lock<SerialPort>
  private let host: any SerialHost
  private let line: any InterruptLine

  public init(host: any SerialHost, line: any InterruptLine) {
    self.host = host
    self.line = line
    port = Lock(SerialPort())
  }

  public func readByte(offset: UInt64) -> UInt8 {
    let (value, interrupt, room) = port.withLock { port in
      let value = port.read(offset)
      return (value, port.takeEdge(), port.takeRoomReport())
    }
    if interrupt { line.trigger() }
    if room { host.receiveRoom() }
    return value
  }

  public func writeByte(offset: UInt64, value: UInt8) {
    let (interrupt, room) = port.withLock { port in
      if port.write(offset, value) { pump(&port) }
      return (port.takeEdge(), port.takeRoomReport())
    }
    if interrupt { line.trigger() }
    if room { host.receiveRoom() }
  }

  /// Gives the guest the bytes there is room for in its FIFO and returns their number, at most 16; none before it says
  /// that it is ready (RTS). After a refusal the host is told by
  /// `SerialHost.receiveRoom` when to go on.
  public func receive(_ bytes: some Collection<UInt8>) -> Int {
    let (accepted, interrupt) = port.withLock { port in
      let accepted = port.receive(bytes)
      return (accepted, port.takeEdge())
    }
    if interrupt { line.trigger() }
    return accepted
  }

  /// Goes on sending what the host refused. Does nothing if it refused nothing.
  public func resumeTransmit() {
    let interrupt = port.withLock { port in
      pump(&port)
      return port.takeEdge()
    }
    if interrupt { line.trigger() }
  }

  /// Hands bytes to the host in order; under the lock, so that two vCPUs cannot swap them.
  private func pump(_ port: inout SerialPort) {
    while let byte = port.nextToSend {
      guard host.transmit(byte) else { return }
      port.sent()
    }
  }
}
