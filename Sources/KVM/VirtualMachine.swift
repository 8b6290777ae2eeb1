import CKVM
import CLinux
public import GuestMemory
public import LinuxSystem

/// A virtual machine's descriptor (KVM API, "VM ioctls").
public struct VirtualMachine: ~Copyable, Sendable {
  private let descriptor: FileDescriptor
  private let runAreaSize: Int
  /// Kept alive as long as the kernel maps it into the guest.
  private let memory: GuestMemory

  /// Makes a machine with `memory` as its RAM and the local APICs in the kernel (KVM_CAP_SPLIT_IRQCHIP): the I/O
  /// interrupt controller is ours, and its interrupts go in as messages (``signal(address:data:)``).
  /// - Parameter pins: interrupt inputs of the I/O APIC that the kernel reserves for it.
  public init(_ kvm: borrowing KVM, memory: GuestMemory, pins: UInt64) throws(SystemError) {
    // A signal can interrupt the creation; the kernel then leaves nothing behind.
    var raw = clinux_ioctl_value(kvm.descriptor.raw, CKVM_CREATE_VM, 0)
    while raw == -Int(EINTR) { raw = clinux_ioctl_value(kvm.descriptor.raw, CKVM_CREATE_VM, 0) }
    raw = try checked(raw, "KVM_CREATE_VM")
    let descriptor = FileDescriptor(owning: Int32(raw))
    for (slot, range) in memory.hostRanges.enumerated() {
      var region = kvm_userspace_memory_region(
        slot: UInt32(slot), flags: 0, guest_phys_addr: range.start.value, memory_size: range.count,
        userspace_addr: UInt64(UInt(bitPattern: range.host)))
      try control(descriptor, CKVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION", &region)
    }
    try control(descriptor, CKVM_SET_TSS_ADDR, "KVM_SET_TSS_ADDR", UInt(KVMLayout.tss))
    var identityMap = KVMLayout.identityMap
    try control(descriptor, CKVM_SET_IDENTITY_MAP_ADDR, "KVM_SET_IDENTITY_MAP_ADDR", &identityMap)
    try VirtualMachine.enable(.splitInterruptChip, pins, of: descriptor)
    self.descriptor = descriptor
    runAreaSize = kvm.runAreaSize
    self.memory = memory
  }

  /// Turns on a capability of a machine (KVM_ENABLE_CAP).
  private static func enable(
    _ capability: Capability, _ argument: UInt64, of descriptor: borrowing FileDescriptor
  ) throws(SystemError) {
    var request = kvm_enable_cap()
    request.cap = UInt32(bitPattern: capability.rawValue)
    request.args.0 = argument
    try control(descriptor, CKVM_ENABLE_CAP, "KVM_ENABLE_CAP", &request)
  }

  /// Delivers a message-signalled interrupt. A message no processor takes is dropped.
  public func signal(address: UInt64, data: UInt32) {
    var message = kvm_msi()
    message.address_lo = UInt32(truncatingIfNeeded: address)
    message.address_hi = UInt32(truncatingIfNeeded: address >> 32)
    message.data = data
    _ = clinux_ioctl(descriptor.raw, CKVM_SIGNAL_MSI, &message)
  }

  /// Has accesses that ``interceptMSRs(reading:writing:)`` names leave the guest, which raise #GP in it otherwise.
  public func enableMSRExits() throws(SystemError) {
    try VirtualMachine.enable(.userSpaceMSR, UInt64(CKVM_MSR_EXIT_REASON_FILTER), of: descriptor)
  }

  /// Makes reads and writes of these model-specific registers leave the guest as ``Exit/readMSR(index:)`` and
  /// ``Exit/writeMSR(index:value:)``, after ``enableMSRExits()``; all others are KVM's. Replaces what an earlier call
  /// asked for.
  /// - Parameters: at most 16 registers in all (KVM_MSR_FILTER_MAX_RANGES).
  public func interceptMSRs(reading: [UInt32], writing: [UInt32]) throws(SystemError) {
    var filter = kvm_msr_filter()
    let wanted =
      reading.map { ($0, CKVM_MSR_FILTER_READ) } + writing.map { ($0, CKVM_MSR_FILTER_WRITE) }
    // One range of one register each; a clear bit in its map denies, and a denied access exits.
    var denied: UInt8 = 0
    try withUnsafeMutablePointer(to: &denied) { map throws(SystemError) in
      withUnsafeMutableBytes(of: &filter.ranges) { bytes in
        let ranges = bytes.bindMemory(to: kvm_msr_filter_range.self)
        for (slot, (index, access)) in wanted.prefix(ranges.count).enumerated() {
          ranges[slot] = kvm_msr_filter_range(flags: access, nmsrs: 1, base: index, bitmap: map)
        }
      }
      try control(descriptor, CKVM_X86_SET_MSR_FILTER, "KVM_X86_SET_MSR_FILTER", &filter)
    }
  }

  /// Makes the virtual processor whose APIC id is `index`; to be used by the calling thread alone.
  public func makeVCPU(index: Int) throws(SystemError) -> VCPU {
    let raw = try control(descriptor, CKVM_CREATE_VCPU, "KVM_CREATE_VCPU", UInt(index))
    return try VCPU(FileDescriptor(owning: Int32(raw)), index: index, runAreaSize: runAreaSize)
  }
}

/// Three pages and one that KVM uses on some processors for real mode, in the hole above the APICs.
enum KVMLayout {
  static let identityMap: UInt64 = 0xFFFB_C000
  static let tss: UInt64 = 0xFFFB_D000
}
