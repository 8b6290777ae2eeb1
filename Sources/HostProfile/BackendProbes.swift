import CKVM
import Glibc
import GuestMemory
import KVM
import LinuxSystem

/// What KVM does with a guest on this host, learnt by running micro-guests.
struct BackendProbes: ~Copyable {
  private let guest: MicroGuest

  init(_ kvm: borrowing KVM) throws(SystemError) { guest = try MicroGuest(kvm) }

  /// What the probes found, for the report.
  static func items(_ kvm: borrowing KVM) -> [HostReport.Item] {
    do throws(SystemError) {
      let probes = try BackendProbes(kvm)
      return [
        try probes.kernelModeItem(), try probes.syscallItem(), try probes.maskItem(),
        try probes.instructionItem(), try probes.exitItem(),
      ]
    } catch {
      return [
        HostReport.Item("micro-guests", .missing, "do not run: \(error)", mend: "see dmesg for what KVM says")
      ]
    }
  }

  // MARK: Kernel mode

  /// How KVM runs the guest's kernel mode.
  struct KernelMode: Equatable {
    /// Instructions interpreted of those executed; nil where KVM keeps no count.
    var interpreted: UInt64?
    var executed: UInt64
    var nanoseconds: UInt64

    var isInterpreted: Bool { interpreted.map { $0 >= executed / 2 } ?? false }
    var instructionsPerSecond: UInt64 { executed &* 1_000_000_000 / max(nanoseconds, 1) }
  }

  /// The fastest of three runs: the first one also fills KVM's shadow of the page tables.
  func kernelMode() throws(SystemError) -> KernelMode {
    let statistics = try? Statistics(guest.vcpu)
    var best = try kernelModeRun(statistics)
    for _ in 0..<2 {
      let next = try kernelModeRun(statistics)
      if next.nanoseconds < best.nanoseconds { best = next }
    }
    return best
  }

  private func kernelModeRun(_ statistics: borrowing Statistics?) throws(SystemError) -> KernelMode {
    let rounds: UInt32 = 5000
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: rounds >> (8 * $0)) }
    // movl $rounds, %ecx; 1: decl %ecx; jnz 1b
    try guest.load([0xB9] + bytes + [0xFF, 0xC9, 0x75, 0xFC] + MicroGuest.done)
    let before = try statistics?.value("insn_emulation")
    let start = Clock.monotonicNanoseconds()
    guard try guest.runsToEnd() else {
      throw SystemError(call: "micro-guest", operand: "loop in kernel mode", code: EIO)
    }
    let time = Clock.monotonicNanoseconds() &- start
    var interpreted: UInt64?
    if let before, let after = try statistics?.value("insn_emulation") { interpreted = after &- before }
    return KernelMode(interpreted: interpreted, executed: UInt64(rounds) * 2 + 2, nanoseconds: time)
  }

  private func kernelModeItem() throws(SystemError) -> HostReport.Item {
    let found = try kernelMode()
    guard found.isInterpreted else { return .init("guest kernel mode", .ok, "native") }
    let millions = Double(found.instructionsPerSecond / 10_000) / 100
    return .init(
      "guest kernel mode", .notice, "interpreted, \(millions) million instructions/s",
      mend: "use a host with hardware virtualization; user programs of the guest run at full speed here too")
  }

  // MARK: SYSCALL

  /// Whether SYSCALL in user mode arrives in kernel mode.
  func syscallSwitchesPrivilege() throws(SystemError) -> Bool {
    try guest.load([0x0F, 0x05], userMode: true)
    precondition((try? guest.memory.copyIn(MicroGuest.done, to: GuestAddress(MicroGuest.Place.entry))) != nil)
    // STAR: kernel selectors from 0x10, user selectors from 0x23; LSTAR; SFMASK, which leaves IOPL alone.
    try guest.vcpu.setMSR(0xC000_0081, 0x0023_0010 << 32)
    try guest.vcpu.setMSR(SyscallBridge.lstar, MicroGuest.Place.entry)
    try guest.vcpu.setMSR(0xC000_0084, 0)
    guard try guest.runsToEnd() else { return false }
    return try guest.vcpu.specialRegisters().cs.selector & 3 == 0
  }

  private func syscallItem() throws(SystemError) -> HostReport.Item {
    if try syscallSwitchesPrivilege() { return .init("SYSCALL", .ok, "enters kernel mode") }
    guard HostWorkarounds.areNeeded else {
      return .init(
        "SYSCALL", .missing, "stays in user mode, though the processor offers hardware virtualization",
        mend: "load kvm_intel or kvm_amd instead of the KVM module in use")
    }
    return .init(
      "SYSCALL", .notice, "stays in user mode: Swiftlet carries it over, more slowly")
  }

  // MARK: CPUID

  /// Whether a feature hidden from CPUID is hidden from the guest.
  func cpuidMasksAreHonoured() throws(SystemError) -> Bool {
    // movl $1, %eax; cpuid
    try guest.load([0xB8, 1, 0, 0, 0, 0x0F, 0xA2] + MicroGuest.done)
    guard try guest.runsToEnd() else { return false }
    return UInt32(truncatingIfNeeded: try guest.vcpu.registers().rcx) & MicroGuest.hiddenFeature == 0
  }

  private func maskItem() throws(SystemError) -> HostReport.Item {
    if try cpuidMasksAreHonoured() { return .init("CPUID masks", .ok, "honoured") }
    return .init(
      "CPUID masks", .notice, "not honoured: kernels are told by clearcpuid= what not to use")
  }

  // MARK: Instructions

  /// The instructions that KVM cannot run in kernel mode, of those the processor has.
  func missingInstructions() throws(SystemError) -> [String] {
    // Where masks are not honoured, KVM puts the host's features back into the table it was given.
    let seen = try guest.vcpu.cpuid()
    var missing: [String] = []
    for probe in InstructionProbe.all where probe.isOffered(seen) {
      try guest.load(probe.code + MicroGuest.done, cr4: probe.cr4)
      // What is missing ends in an error of KVM's or in the guest's own invalid opcode exception.
      if try guest.run().port != probe.end { missing.append(probe.name) }
    }
    return missing
  }

  private func instructionItem() throws(SystemError) -> HostReport.Item {
    let missing = try missingInstructions()
    if missing.isEmpty { return .init("kernel instructions", .ok, "none of those tried is missing") }
    return .init(
      "kernel instructions", .notice,
      "\(missing.joined(separator: ", ")) missing, and made up for")
  }

  // MARK: Exits

  /// The median time from one exit by a port to the next, in nanoseconds.
  func exitCost(userMode: Bool) throws(SystemError) -> UInt64 {
    // 1: outb %al, $done; jmp 1b
    try guest.load(MicroGuest.done + [0xEB, 0xFC], userMode: userMode)
    guard try guest.runsToEnd() else {
      throw SystemError(call: "micro-guest", operand: "port access", code: EIO)
    }
    var times: [UInt64] = []
    for _ in 0..<51 {
      let start = Clock.monotonicNanoseconds()
      _ = try guest.run()
      times.append(Clock.monotonicNanoseconds() &- start)
    }
    return times.sorted()[25]
  }

  private func exitItem() throws(SystemError) -> HostReport.Item {
    let (kernel, user) = (try exitCost(userMode: false), try exitCost(userMode: true))
    return .init(
      "exit round trip", .ok, "\(tenths(kernel)) us from kernel mode, \(tenths(user)) us from user mode")
  }

  private func tenths(_ nanoseconds: UInt64) -> String {
    "\(nanoseconds / 1000).\(nanoseconds % 1000 / 100)"
  }
}
