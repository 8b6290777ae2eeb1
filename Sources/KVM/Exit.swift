public import GuestMemory

/// Why the guest stopped running and what it waits for (struct kvm_run, `exit_reason`).
public enum Exit: Sendable, Equatable {
  /// One or more port accesses of `width` bytes; ``VCPU/handlePort(_:_:)`` goes through them.
  case port(number: UInt16, width: UInt8, count: UInt32, isWrite: Bool)
  case readMMIO(GuestAddress, width: UInt8)
  case writeMMIO(GuestAddress, width: UInt8, value: UInt64)
  /// Halted without an interrupt controller in the kernel.
  case halted
  /// A triple fault, or the like.
  case shutdown
  case readMSR(index: UInt32)
  case writeMSR(index: UInt32, value: UInt64)
  case systemEvent(type: UInt32)
  /// KVM could not run an instruction (suberror 1), or gave up otherwise.
  case internalError(suberror: UInt32)
  case failedEntry(reason: UInt64)
  /// A signal, or the immediate exit asked for.
  case interrupted
  /// A reason that this list does not know.
  case unknown(UInt32)
}
