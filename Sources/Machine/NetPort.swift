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
  private var sending: LoopTurns?
  private var receiving: LoopTurns?
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
    let (receiveAlarm, receiveGate) = try RateGate.make(network.receiveLimit)
    let (transmitAlarm, transmitGate) = try RateGate.make(network.transmitLimit)
    self.connection = connection
    self.receiveAlarm = receiveAlarm
    self.transmitAlarm = transmitAlarm
    self.reportLoss = reportLoss
    device = NetDevice(
      backend: connection, macAddress: network.macAddress.bytes, mtu: network.mtu, receiveGate: receiveGate,
      transmitGate: transmitGate)
  }

  var identity: VirtioIdentity { device.identity }
  func activate(_ activation: VirtioActivation) { device.activate(activation) }
  func process(queue: Int) -> Bool { device.process(queue: queue) }
  func reset() { device.reset() }

  func begin(on loop: EventLoop) throws(SystemError) {
    let sending = LoopTurns(on: loop) { [unowned device] in device.resumeTransmit() }
    let receiving = LoopTurns(on: loop) { [unowned device] in device.resumeReceive() }
    (self.sending, self.receiving) = (sending, receiving)
    try connection.begin(on: loop) { [unowned self, unowned sending, unowned receiving] readiness in
      if readiness.contains(.gone) {
        device.loseLink()
        reportLoss()
      }
      if readiness.contains(.transmit), device.resumeTransmit() { sending.goOn() }
      if readiness.contains(.receive), device.noteReadable() { receiving.goOn() }
    }
    try receiveAlarm?.begin(on: loop) { [unowned device, unowned receiving] in
      if device.resumeReceive() { receiving.goOn() }
    }
    try transmitAlarm?.begin(on: loop) { [unowned device, unowned sending] in
      if device.resumeTransmit() { sending.goOn() }
    }
  }
}
