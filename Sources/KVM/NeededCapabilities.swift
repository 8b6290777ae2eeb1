extension Capability {
  /// Without any of these no machine is built: each with its name in the KVM API.
  public static let needed: [(capability: Capability, name: String)] = [
    (.userMemory, "KVM_CAP_USER_MEMORY"), (.immediateExit, "KVM_CAP_IMMEDIATE_EXIT"),
    (.splitInterruptChip, "KVM_CAP_SPLIT_IRQCHIP"), (.signalMSI, "KVM_CAP_SIGNAL_MSI"),
    (.setTSSAddress, "KVM_CAP_SET_TSS_ADDR"), (.setIdentityMapAddress, "KVM_CAP_SET_IDENTITY_MAP_ADDR"),
    (.extendedCPUID, "KVM_CAP_EXT_CPUID"), (.multiprocessorState, "KVM_CAP_MP_STATE"),
  ]

  /// What the work-arounds for a host without hardware virtualization need besides.
  public static let neededWithoutHardware: [(capability: Capability, name: String)] = [
    (.userSpaceMSR, "KVM_CAP_X86_USER_SPACE_MSR"), (.msrFilter, "KVM_CAP_X86_MSR_FILTER"),
    (.vCPUEvents, "KVM_CAP_VCPU_EVENTS"),
  ]
}
