import Backends
import Glibc
import LinuxSystem
import Testing

/// The socket at which programs of the host ask for ports of the guest.
@Suite struct VsockSocketTests {
  private final class World {
    var clients: [Int32] = []
    var passes = 0
    var opened: [UInt32] = []
    deinit { for client in clients { close(client) } }
  }

  /// Clients that say nothing, more than are waited for, and one that asks after them.
  @Test func whoSaysNothingKeepsNobodyOut() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/vsock"
    let loop = try EventLoop()
    let socket = try VsockSocket(path: path)
    let world = World()
    try socket.begin(on: loop) { _, port in
      world.opened.append(port)
      loop.stop()
    }
    let connecting = LoopTurns(on: loop) {
      world.passes += 1
      if world.clients.count < 70, let client = try? UnixSocket.connected(to: path) {
        world.clients.append(client.release())
        if world.clients.count == 70 { _ = "CONNECT 5000\n".withCString { write(world.clients[69], $0, 13) } }
      }
      if world.passes == 10_000 { loop.stop() }
      return true
    }
    connecting.goOn()
    try loop.run()
    #expect(world.opened == [5000])
    withExtendedLifetime((socket, connecting)) {}
  }
}
