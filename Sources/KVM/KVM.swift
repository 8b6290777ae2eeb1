import CKVM
import CLinux
public import LinuxSystem

/// /dev/kvm: what the host's KVM offers, and the maker of virtual machines (KVM API, "System ioctls").
public struct KVM: ~Copyable, Sendable {
  let descriptor: FileDescriptor
  /// Bytes that each vCPU shares with the kernel.
  let runAreaSize: Int

  public static let path = "/dev/kvm"

  /// - Throws: ENOENT or EACCES where /dev/kvm is absent or forbidden; EPROTO where its API is not version 12.
  public init() throws(SystemError) {
    let descriptor = try FileDescriptor(opening: KVM.path, O_RDWR)
    let version = try control(descriptor, CKVM_GET_API_VERSION, "KVM_GET_API_VERSION")
    guard version == Int(KVM_API_VERSION) else {
      throw SystemError(call: "KVM_GET_API_VERSION", operand: "version \(version)", code: EPROTO)
    }
    runAreaSize = try control(descriptor, CKVM_GET_VCPU_MMAP_SIZE, "KVM_GET_VCPU_MMAP_SIZE")
    self.descriptor = descriptor
  }

  /// The value of a capability, 0 where the host does not have it.
  public func check(_ capability: Capability) -> Int {
    max(0, clinux_ioctl_value(descriptor.raw, CKVM_CHECK_EXTENSION, UInt(capability.rawValue)))
  }

  /// What the host's processor and KVM can show to a guest (KVM_GET_SUPPORTED_CPUID).
  public func supportedCPUID() throws(SystemError) -> CPUID {
    var table = CPUID()
    try table.withHeader { header throws(SystemError) in
      _ = try checked(
        clinux_ioctl(descriptor.raw, CKVM_GET_SUPPORTED_CPUID, header), "KVM_GET_SUPPORTED_CPUID")
    }
    // KVM leaves this one out of its table: a capability tells of it (KVM API, 4.46).
    if check(.tscDeadlineTimer) != 0 {
      for index in table.leaves.indices where table.leaves[index].function == 1 {
        table.leaves[index].ecx |= 1 << 24
      }
    }
    return table
  }
}

/// What ``KVM`` may offer, by the numbers of KVM_CHECK_EXTENSION.
public struct Capability: RawRepresentable, Hashable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let userMemory = Capability(rawValue: KVM_CAP_USER_MEMORY)
  public static let immediateExit = Capability(rawValue: KVM_CAP_IMMEDIATE_EXIT)
  public static let splitInterruptChip = Capability(rawValue: KVM_CAP_SPLIT_IRQCHIP)
  public static let signalMSI = Capability(rawValue: KVM_CAP_SIGNAL_MSI)
  public static let extendedCPUID = Capability(rawValue: KVM_CAP_EXT_CPUID)
  public static let tscDeadlineTimer = Capability(rawValue: KVM_CAP_TSC_DEADLINE_TIMER)
  public static let setTSSAddress = Capability(rawValue: KVM_CAP_SET_TSS_ADDR)
  public static let setIdentityMapAddress = Capability(rawValue: KVM_CAP_SET_IDENTITY_MAP_ADDR)
  public static let multiprocessorState = Capability(rawValue: KVM_CAP_MP_STATE)
  public static let vCPUEvents = Capability(rawValue: KVM_CAP_VCPU_EVENTS)
  public static let userSpaceMSR = Capability(rawValue: KVM_CAP_X86_USER_SPACE_MSR)
  public static let msrFilter = Capability(rawValue: KVM_CAP_X86_MSR_FILTER)
  public static let binaryStatistics = Capability(rawValue: KVM_CAP_BINARY_STATS_FD)
  public static let maximumVCPUs = Capability(rawValue: KVM_CAP_MAX_VCPUS)
  public static let recommendedVCPUs = Capability(rawValue: KVM_CAP_NR_VCPUS)
}

/// An ioctl whose argument is a number.
@discardableResult
func control(
  _ descriptor: borrowing FileDescriptor, _ request: UInt, _ name: StaticString, _ value: UInt = 0
) throws(SystemError) -> Int {
  try checked(clinux_ioctl_value(descriptor.raw, request, value), name)
}

/// An ioctl whose argument is a structure that the kernel reads, writes or both.
@discardableResult
func control<Argument>(
  _ descriptor: borrowing FileDescriptor, _ request: UInt, _ name: StaticString, _ argument: inout Argument
) throws(SystemError) -> Int {
  try checked(withUnsafeMutablePointer(to: &argument) { clinux_ioctl(descriptor.raw, request, $0) }, name)
}
