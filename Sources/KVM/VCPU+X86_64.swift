#if arch(x86_64)
public import CKVM
import CLinux
public import LinuxSystem

/// Registers and other state of an x86 virtual processor, in the kernel's own structures.
extension VCPU {
  public func registers() throws(SystemError) -> kvm_regs {
    var value = kvm_regs()
    try control(descriptor, CKVM_GET_REGS, "KVM_GET_REGS", &value)
    return value
  }

  public func setRegisters(_ registers: kvm_regs) throws(SystemError) {
    var value = registers
    try control(descriptor, CKVM_SET_REGS, "KVM_SET_REGS", &value)
  }

  public func specialRegisters() throws(SystemError) -> kvm_sregs {
    var value = kvm_sregs()
    try control(descriptor, CKVM_GET_SREGS, "KVM_GET_SREGS", &value)
    return value
  }

  public func setSpecialRegisters(_ registers: kvm_sregs) throws(SystemError) {
    var value = registers
    try control(descriptor, CKVM_SET_SREGS, "KVM_SET_SREGS", &value)
  }

  public func events() throws(SystemError) -> kvm_vcpu_events {
    var value = kvm_vcpu_events()
    try control(descriptor, CKVM_GET_VCPU_EVENTS, "KVM_GET_VCPU_EVENTS", &value)
    return value
  }

  public func setEvents(_ events: kvm_vcpu_events) throws(SystemError) {
    var value = events
    try control(descriptor, CKVM_SET_VCPU_EVENTS, "KVM_SET_VCPU_EVENTS", &value)
  }

  /// Vector and floating-point state: the 4,096 bytes of struct kvm_xsave, in XSAVE's standard form (Intel SDM volume 1, 13.4).
  public func extendedState() throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: VCPU.extendedStateSize)
    let result = bytes.withUnsafeMutableBytes { clinux_ioctl(descriptor.raw, CKVM_GET_XSAVE, $0.baseAddress) }
    _ = try checked(result, "KVM_GET_XSAVE")
    return bytes
  }

  /// - Parameter state: as ``extendedState()`` gives it.
  /// - Throws: EINVAL where it names components or bits of MXCSR that the processor lacks.
  public func setExtendedState(_ state: [UInt8]) throws(SystemError) {
    precondition(state.count == VCPU.extendedStateSize)
    var bytes = state
    let result = bytes.withUnsafeMutableBytes { clinux_ioctl(descriptor.raw, CKVM_SET_XSAVE, $0.baseAddress) }
    _ = try checked(result, "KVM_SET_XSAVE")
  }

  private static var extendedStateSize: Int { 4096 }

  /// XCR0: the components of the extended state that the guest has enabled, a bit each.
  public func enabledComponents() throws(SystemError) -> UInt64 {
    var value = kvm_xcrs()
    try control(descriptor, CKVM_GET_XCRS, "KVM_GET_XCRS", &value)
    return value.xcrs.0.value
  }

  /// Whether the processor runs, waits for an interrupt, or waits to be started (KVM_MP_STATE_*).
  public func multiprocessorState() throws(SystemError) -> UInt32 {
    var value = kvm_mp_state()
    try control(descriptor, CKVM_GET_MP_STATE, "KVM_GET_MP_STATE", &value)
    return value.mp_state
  }

  /// Whether the processor takes interrupts (RFLAGS.IF).
  public func interruptsEnabled() throws(SystemError) -> Bool { try registers().rflags & 0x200 != 0 }

  /// The physical address a linear one maps to with the current page tables; nil where it maps to none.
  public func translate(_ linear: UInt64) throws(SystemError) -> UInt64? {
    var value = kvm_translation()
    value.linear_address = linear
    try control(descriptor, CKVM_TRANSLATE, "KVM_TRANSLATE", &value)
    return value.valid == 0 ? nil : value.physical_address
  }

  /// - Throws: EINVAL where the processor has no such model-specific register.
  public func msr(_ index: UInt32) throws(SystemError) -> UInt64 {
    var value = ckvm_msr()
    value.header.nmsrs = 1
    value.entry.index = index
    let count = try control(descriptor, CKVM_GET_MSRS, "KVM_GET_MSRS", &value)
    guard count == 1 else { throw SystemError(call: "KVM_GET_MSRS", operand: "\(index)", code: EINVAL) }
    return value.entry.data
  }

  /// - Throws: EINVAL where the processor refuses the register or the value.
  public func setMSR(_ index: UInt32, _ data: UInt64) throws(SystemError) {
    var value = ckvm_msr()
    value.header.nmsrs = 1
    value.entry.index = index
    value.entry.data = data
    let count = try control(descriptor, CKVM_SET_MSRS, "KVM_SET_MSRS", &value)
    guard count == 1 else { throw SystemError(call: "KVM_SET_MSRS", operand: "\(index)", code: EINVAL) }
  }

  /// The rate of the guest's time stamp counter, in kHz; 0 where KVM does not know it.
  public func timeStampCounterKHz() throws(SystemError) -> UInt64 {
    UInt64(max(0, try control(descriptor, CKVM_GET_TSC_KHZ, "KVM_GET_TSC_KHZ")))
  }

  public func setCPUID(_ table: CPUID) throws(SystemError) {
    var table = table
    try table.withHeader { header throws(SystemError) in
      _ = try checked(clinux_ioctl(descriptor.raw, CKVM_SET_CPUID2, header), "KVM_SET_CPUID2")
    }
  }

  public func cpuid() throws(SystemError) -> CPUID {
    var table = CPUID()
    try table.withHeader { header throws(SystemError) in
      _ = try checked(clinux_ioctl(descriptor.raw, CKVM_GET_CPUID2, header), "KVM_GET_CPUID2")
    }
    return table
  }
}

/// Values of ``VCPU/multiprocessorState()`` (KVM_MP_STATE_*).
public enum MultiprocessorState {
  public static let runnable = UInt32(KVM_MP_STATE_RUNNABLE)
  public static let uninitialized = UInt32(KVM_MP_STATE_UNINITIALIZED)
  /// Has taken INIT and waits for the start-up message.
  public static let waitingForSIPI = UInt32(KVM_MP_STATE_INIT_RECEIVED)
  public static let halted = UInt32(KVM_MP_STATE_HALTED)
}
#endif
