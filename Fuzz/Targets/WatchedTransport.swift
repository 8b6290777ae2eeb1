import DeviceFakes
import Devices
import LinuxSystem

/// Stands before a transport on the bus and sees to it that the device writes only where its driver allows: into the
/// used rings, and the writable buffers of chains that are available.
final class WatchedTransport: BusDevice {
  private let transport: MMIOTransport
  private let state: Lock<State>

  private struct State {
    var memory: WatchedMemory
    var registers = RingRegisters()
    var finding: String?
  }

  init(_ transport: MMIOTransport, _ memory: WatchedMemory) {
    self.transport = transport
    state = Lock(State(memory: memory))
  }

  deinit { state.withLock { $0.memory.putBack() } }

  /// Throws what was found until now.
  func check() throws {
    if let finding = state.withLock({ $0.finding }) { throw Finding(description: finding) }
  }

  func read(offset: UInt64, width: AccessWidth) -> UInt64 { transport.read(offset: offset, width: width) }

  func write(offset: UInt64, width: AccessWidth, value: UInt64) {
    guard width == .double else { return transport.write(offset: offset, width: width, value: value) }
    let isReset = offset == FakeDriver.Register.status && value == 0
    let isReady = offset == FakeDriver.Register.status && value & 4 != 0
    let canSetUp = canSetUp
    state.withLock { state in
      if isReset { state.registers = RingRegisters() }
      state.registers.write(offset, UInt32(truncatingIfNeeded: value), canSetUp: canSetUp)
    }
    guard isReady || offset == FakeDriver.Register.queueNotify else {
      return transport.write(offset: offset, width: width, value: value)
    }
    let allowed = state.withLock { state in
      state.memory.update()
      return state.registers.writableRanges(state.memory.copy)
    }
    transport.write(offset: offset, width: width, value: value)
    guard let allowed else { return }
    state.withLock { state in
      state.memory.update(allowed)
      guard let place = state.memory.firstDifference else { return }
      state.finding = "the device wrote at 0x\(String(place, radix: 16))"
    }
  }

  /// Whether the registers of the selected queue take what is written, asked of the device as drivers do.
  private var canSetUp: Bool {
    let status = transport.read(offset: FakeDriver.Register.status, width: .double)
    return status & 0b1000_1100 == 0b1000
      && transport.read(offset: FakeDriver.Register.queueReady, width: .double) == 0
  }
}
