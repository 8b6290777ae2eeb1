public import GuestMemory
public import KVM
public import LinuxSystem

/// What a guest needs on a host whose KVM has no VMX or SVM beneath it: there the guest's kernel is interpreted, the
/// interpreter lacks instructions, and SYSCALL does not switch privilege. One for each machine; hosts with hardware
/// virtualization never make one.
public final class HostWorkarounds: Sendable {
  /// What became of an exit.
  public enum Verdict: Sendable, Equatable {
    /// Handled: run the guest on.
    case resume
    /// Nothing to do with the host's deficiencies.
    case notMine
    /// The guest cannot go on; one line that says why.
    case fatal(String)
  }

  private struct State: Sendable {
    var bridge = SyscallBridge()
    var throttle = DeadlineThrottle()
  }
  private let state = Lock<State>(State())

  /// Whether this host is such a host: its processor offers neither VMX nor SVM. Makes no system call.
  public static var areNeeded: Bool { !Processor.hasHardwareVirtualization }

  /// What a Linux command line must hold on such a host. The numbers are those of <asm/cpufeatures.h>, which every
  /// kernel takes, whereas names need CONFIG_X86_FEATURE_NAMES; CPUID cannot hide a feature here.
  /// - Parameter multiprocessorKernel: the kernel is built with CONFIG_SMP; others do not know the last two words and
  ///   would hand them to init.
  public static func kernelArguments(multiprocessorKernel: Bool) -> String {
    let features = maskedFeatures.map { String($0) }.joined(separator: ",")
    // Patching code needs pages that the interpreter would have to write through read-only mappings.
    let always = "rodata=off clearcpuid=\(features)"
    // No rewriting of lock prefixes, and no 2 MiB pages for per-processor data: both cost far more than they bring.
    return multiprocessorKernel ? always + " noreplace-smp percpu_alloc=page" : always
  }

  /// popcnt, cx16, smap, smep, rdrand, rdseed, erms, fsrm, movbe, fsgsbase, invpcid; what makes kernels use vector
  /// registers for ciphers and checksums: pclmulqdq, ssse3, sse4_1, sse4_2, aes, adx, sha_ni; and of the XSAVE family all
  /// but the plain form and the components that it cannot move here: xsaveopt, xsavec, xgetbv1, xsaves, pku, mpx, amx_tile.
  ///
  /// Not xsave itself: programs see natively that the host has enabled AVX (CPUID, XGETBV), and use registers that a
  /// kernel without XSAVE does not keep.
  private static let maskedFeatures = [
    151, 141, 308, 295, 158, 306, 297, 580, 150, 288, 298, 129, 137, 147, 148, 153, 307, 317,
    320, 321, 322, 323, 515, 302, 600,
  ]

  /// Of KVM's own leaf (0x40000001, EAX) what has a kernel make hypercalls, which never return here: KVM_FEATURE_PV_UNHALT,
  /// _PV_SEND_IPI and _PV_SCHED_YIELD. This leaf can be changed.
  public static let brokenFeatures: UInt32 = 1 << 7 | 1 << 11 | 1 << 13

  public init() {}

  /// Sets up a machine, before its first processor runs.
  public func prepare(_ machine: borrowing VirtualMachine) throws(SystemError) {
    try machine.enableMSRExits()
    try machine.interceptMSRs(
      reading: [SyscallBridge.lstar], writing: [SyscallBridge.lstar, DeadlineThrottle.register])
  }

  /// Looks at an exit that no device and no other part of the monitor knows.
  public func handle(
    _ exit: Exit, on vcpu: borrowing VCPU, memory: GuestMemory
  ) throws(SystemError) -> Verdict {
    switch exit {
    case .writeMSR(SyscallBridge.lstar, let value):
      return try state.withLock { state throws(SystemError) in
        try state.bridge.writeEntry(value, on: vcpu, memory: memory)
      }
    case .readMSR(SyscallBridge.lstar):
      vcpu.completeMSR(state.withLock { $0.bridge.entry(ofProcessor: vcpu.index) })
      return .resume
    case .writeMSR(DeadlineThrottle.register, let deadline):
      try state.withLock { state throws(SystemError) in try state.throttle.set(deadline, on: vcpu) }
      return .resume
    case .writeMMIO(SyscallBridge.arrival, _, _):
      return try state.withLock { state throws(SystemError) in
        let verdict = try state.bridge.arrive(on: vcpu, memory: memory)
        if verdict == .resume { state.throttle.isBooting = false }
        return verdict
      }
    case .internalError(InstructionCompletion.emulationFailure):
      return try InstructionCompletion.complete(on: vcpu, memory: memory)
    default: return .notMine
    }
  }
}
