import Backends
import Devices
import LinuxSystem

/// The virtio socket device joined to its Unix sockets.
final class VsockPort: LoopResident {
  private let socket: VsockSocket
  private let device: VsockDevice

  init(socket: VsockSocket, guestCID: UInt32) {
    self.socket = socket
    device = VsockDevice(guestCID: guestCID, host: socket)
  }

  var identity: VirtioIdentity { device.identity }
  func activate(_ activation: VirtioActivation) { device.activate(activation) }
  func process(queue: Int) -> Bool { device.process(queue: queue) }
  func reset() { device.reset() }

  func begin(on loop: EventLoop) throws(SystemError) {
    device.whenThereIsMore { [unowned self, unowned loop] in goOn(loop) }
    try socket.begin(on: loop) { [unowned device] stream, port in device.open(stream, toPort: port) }
  }

  private func goOn(_ loop: EventLoop) {
    loop.later { [unowned self, unowned loop] in if device.exchange() { goOn(loop) } }
  }
}
