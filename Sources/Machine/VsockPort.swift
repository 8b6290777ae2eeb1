import Backends
import Devices
import LinuxSystem

/// The virtio socket device joined to its Unix sockets.
final class VsockPort: LoopResident {
  private let socket: VsockSocket
  private let device: VsockDevice
  private var turns: LoopTurns?

  init(socket: VsockSocket, guestCID: UInt32) {
    self.socket = socket
    device = VsockDevice(guestCID: guestCID, host: socket)
  }

  var identity: VirtioIdentity { device.identity }
  func activate(_ activation: VirtioActivation) { device.activate(activation) }
  func process(queue: Int) -> Bool { device.process(queue: queue) }
  func reset() { device.reset() }

  func begin(on loop: EventLoop) throws(SystemError) {
    let turns = LoopTurns(on: loop) { [unowned device] in device.exchange() }
    self.turns = turns
    device.whenThereIsMore { [unowned turns] in turns.goOn() }
    try socket.begin(on: loop) { [unowned device] stream, port in device.open(stream, toPort: port) }
  }
}
