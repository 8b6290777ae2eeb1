import Backends
import Configuration
import Devices
import LinuxSystem

/// A network card joined to its end on the host, and to the alarms of its rate limits.
final class NetPort: LoopResident {
  private let connection: any NetConnection
  private let device: NetDevice
  private let receiveAlarm: LoopAlarm?
  private let transmitAlarm: LoopAlarm?
  /// Told once, where nothing will come or go any more.
  private let reportLoss: () -> Void

  /// - Parameters:
  ///   - remainders: what machines before this one have left.
  ///   - reportLoss: called once, on the I/O thread, when the host's end is gone.
  init(_ network: NetworkInterface, _ remainders: FrameRemainders, reportLoss: @escaping () -> Void)
    throws(SystemError)
  {
    let connection: any NetConnection
    switch network.host {
    case .tap(let number, _): connection = try TapDevice(FileDescriptor(duplicating: number))
    case .program(let number): connection = try FrameSocket(duplicating: number, goingOnWith: remainders)
    }
    let (receiveAlarm, receiveGate) = try Self.gate(network.receiveLimit)
    let (transmitAlarm, transmitGate) = try Self.gate(network.transmitLimit)
    self.connection = connection
    self.receiveAlarm = receiveAlarm
    self.transmitAlarm = transmitAlarm
    self.reportLoss = reportLoss
    device = NetDevice(
      backend: connection, macAddress: network.macAddress.bytes, mtu: network.mtu, receiveGate: receiveGate,
      transmitGate: transmitGate)
  }

  private static func gate(_ limit: RateLimit?) throws(SystemError) -> (LoopAlarm?, RateGate?) {
    guard let limit else { return (nil, nil) }
    let alarm = try LoopAlarm()
    return (alarm, RateGate(RateLimiter(limit), alarm: alarm))
  }

  var identity: VirtioIdentity { device.identity }
  func activate(_ activation: VirtioActivation) { device.activate(activation) }
  func process(queue: Int) -> Bool { device.process(queue: queue) }
  func reset() { device.reset() }

  func begin(on loop: EventLoop) throws(SystemError) {
    try connection.begin(on: loop) { [unowned self, unowned loop] readiness in
      if readiness.contains(.gone) {
        device.loseLink()
        reportLoss()
      }
      if readiness.contains(.transmit), device.resumeTransmit() { goOnSending(loop) }
      if readiness.contains(.receive), device.noteReadable() { goOnReceiving(loop) }
    }
    try receiveAlarm?.begin(on: loop) { [unowned self, unowned loop] in
      if device.resumeReceive() { goOnReceiving(loop) }
    }
    try transmitAlarm?.begin(on: loop) { [unowned self, unowned loop] in
      if device.resumeTransmit() { goOnSending(loop) }
    }
  }

  private func goOnSending(_ loop: EventLoop) {
    loop.later { [unowned self, unowned loop] in if device.resumeTransmit() { goOnSending(loop) } }
  }

  private func goOnReceiving(_ loop: EventLoop) {
    loop.later { [unowned self, unowned loop] in if device.resumeReceive() { goOnReceiving(loop) } }
  }
}
