import Backends
import Devices
import Glibc
import GuestMemory
import LinuxSystem
import Synchronization
import Testing

/// unshare(2), which Swift does not see in the C library.
private let unshare: (@convention(c) (Int32) -> Int32)? = dlsym(nil, "unshare").map {
  unsafeBitCast($0, to: (@convention(c) (Int32) -> Int32).self)
}

/// Runs `body` on a thread with network interfaces of its own; nil where that is not permitted.
private func inNetworkNamespace<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) throws -> Value? {
  let result = Mutex<Result<Value, any Error>?>(nil)
  let thread = try LinuxSystem.Thread(name: "network") {
    // CLONE_NEWNET. It ends with the thread.
    guard unshare?(0x4000_0000) == 0 else { return }
    let outcome = Result { try body() }
    result.withLock { $0 = outcome }
  }
  thread.join()
  return try result.withLock { $0 }?.get()
}

private let canMakeTaps: Bool = {
  let made = try? inNetworkNamespace { (try? TapInterface.open("probe0")) != nil }
  return made == true
}()

/// A raw socket on an interface: what the host sends and receives there.
private struct Wire: ~Copyable {
  let socket: FileDescriptor

  init(_ name: String) throws {
    // ETH_P_ALL in network order.
    let number = Glibc.socket(AF_PACKET, Int32(SOCK_RAW.rawValue | SOCK_NONBLOCK.rawValue), 0x0300)
    socket = FileDescriptor(owning: number)
    // sockaddr_ll: family, protocol, the interface's number, and what bind(2) does not read.
    let index = UInt32(if_nametoindex(name))
    let address: [UInt8] =
      [UInt8(AF_PACKET), 0, 0, 3] + (0..<4).map { UInt8(truncatingIfNeeded: index >> (8 * $0)) }
      + [UInt8](repeating: 0, count: 12)
    let bound = address.withUnsafeBytes {
      bind(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    try #require(bound == 0)
  }

  /// The next frame of ours.
  func read() -> [UInt8]? {
    while let frame = try? socket.read(upTo: 1 << 16) { if isOurs(frame) { return frame } }
    return nil
  }
}

/// A protocol number for experiments (IEEE 802): the host's own chatter is passed over.
private func frame(_ count: Int, seed: Int) -> [UInt8] {
  [UInt8](repeating: 0xFF, count: 6) + [2, 0, 0, 0, 0, 1, 0x88, 0xB5] + pattern(count - 14, seed: seed)
}

private func isOurs(_ frame: [UInt8]) -> Bool { frame.count >= 14 && frame[12..<14] == [0x88, 0xB5] }

@Suite(.enabled(if: canMakeTaps, "network namespaces and taps are not permitted here"))
struct TapTests {
  @Test func aTapIsMadeAndGoneAgain() throws {
    let result = try inNetworkNamespace { () throws in
      #expect(!TapInterface.exists("t0"))
      let tap = try TapInterface.open("t0")
      #expect(TapInterface.exists("t0"))
      do throws(SystemError) { _ = try TapInterface.open("t0") } catch { #expect(error.code == EBUSY) }
      do throws(SystemError) { _ = try TapInterface.open("lo") } catch { #expect(error.code == EINVAL) }
      _ = consume tap
      // A program that another test starts at this moment holds every descriptor until its exec(2).
      for _ in 0..<1000 where TapInterface.exists("t0") { usleep(10_000) }
      #expect(!TapInterface.exists("t0"))
      return true
    }
    #expect(result == true)
  }

  @Test func framesPassBothWays() throws {
    let result = try inNetworkNamespace { () throws in
      let device = try TapDevice(try TapInterface.open("t0"))
      #expect(device.offloads == .all)
      try TapInterface.start("t0", mtu: 9000)
      let wire = try Wire("t0")
      let guest = try GuestRoom()
      device.begin(leavingToGuest: [])
      for (index, count) in [60, 1514, 9014].enumerated() {
        let sent = frame(count, seed: index)
        #expect(try device.send(NetHeader(), guest.holding(sent), of: guest.memory))
        #expect(wire.read() == sent)
        // With room for any frame, and with less.
        for room in [NetDevice.frameLimit, count] {
          let answer = frame(count, seed: index + room)
          try wire.socket.writeAll(answer)
          var received: [UInt8]?
          repeat { received = try guest.frame(of: device, room: room) } while received.map(isOurs) == false
          #expect(received == answer)
        }
      }
      return true
    }
    #expect(result == true)
  }

  @Test func aFrameThatDoesNotFitStays() throws {
    let result = try inNetworkNamespace { () throws in
      let device = try TapDevice(try TapInterface.open("t0"))
      try TapInterface.start("t0", mtu: nil)
      let wire = try Wire("t0")
      let guest = try GuestRoom()
      while try guest.frame(of: device) != nil {}
      try wire.socket.writeAll(frame(500, seed: 1))
      guard case .tooLong(500) = device.receive(into: try guest.slices(400), of: guest.memory) else {
        Issue.record("it fits")
        return false
      }
      #expect(try guest.frame(of: device) == frame(500, seed: 1))
      try wire.socket.writeAll(frame(500, seed: 2))
      _ = device.receive(into: try guest.slices(400), of: guest.memory)
      device.dropFrame()
      #expect(try guest.frame(of: device) == nil)
      return true
    }
    #expect(result == true)
  }

  @Test func whatTheHostRefusesIsDropped() throws {
    let result = try inNetworkNamespace { () throws in
      let device = try TapDevice(try TapInterface.open("t0"))
      let guest = try GuestRoom()
      // The interface is down.
      #expect(try device.send(NetHeader(), guest.holding(frame(60, seed: 0)), of: guest.memory))
      #expect(try guest.frame(of: device) == nil)
      return true
    }
    #expect(result == true)
  }

  @Test func somethingElseIsNoTap() throws {
    #expect(throws: SystemError.self) { _ = try TapDevice(FileDescriptor(opening: "/dev/null", O_RDWR)) }
  }
}
