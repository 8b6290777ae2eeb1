import CKVM
import CLinux
import GuestMemory
public import LinuxSystem
import Synchronization

/// A virtual processor (KVM API, "vcpu ioctls").
///
/// Not Sendable: KVM wants it used by the thread that made it. Other threads hold its ``stopper``.
public struct VCPU: ~Copyable {
  let descriptor: FileDescriptor
  public let index: Int
  private let area: RunArea
  private let run: UnsafeMutablePointer<kvm_run>

  init(_ descriptor: consuming FileDescriptor, index: Int, runAreaSize: Int) throws(SystemError) {
    let area = RunArea(try MappedMemory(sharing: descriptor, count: runAreaSize))
    run = area.run
    self.area = area
    self.descriptor = descriptor
    self.index = index
  }

  /// Makes the next, or the running, ``runGuest()`` return `interrupted`; from any thread.
  public var stopper: Stopper { Stopper(area: area) }

  public struct Stopper: Sendable {
    fileprivate let area: RunArea
    /// The thread must also be kicked where it is in the guest already.
    public func stop() { area.setImmediateExit(1) }
  }

  /// Takes back a stop, so that the guest runs again.
  public func clearStop() { area.setImmediateExit(0) }

  /// Runs the guest until it needs something (KVM_RUN).
  @inline(__always)
  public func runGuest() throws(SystemError) -> Exit {
    let result = clinux_ioctl_value(descriptor.raw, CKVM_RUN, 0)
    if result < 0 {
      if result == -Int(EINTR) || result == -Int(EAGAIN) { return .interrupted }
      throw SystemError(call: "KVM_RUN", operand: "vcpu \(index)", code: Int32(-result))
    }
    return exit()
  }

  @inline(__always)
  private func exit() -> Exit {
    let reason = run.pointee.exit_reason
    switch Int32(bitPattern: reason) {
    case KVM_EXIT_IO:
      let io = run.pointee.io
      return .port(
        number: io.port, width: io.size, count: io.count, isWrite: io.direction == UInt8(KVM_EXIT_IO_OUT))
    case KVM_EXIT_MMIO:
      let address = GuestAddress(run.pointee.mmio.phys_addr)
      let width = UInt8(truncatingIfNeeded: run.pointee.mmio.len)
      guard run.pointee.mmio.is_write != 0 else { return .readMMIO(address, width: width) }
      return .writeMMIO(address, width: width, value: load(at: RunArea.mmioDataOffset, width: Int(width)))
    case KVM_EXIT_INTR: return .interrupted
    case KVM_EXIT_HLT: return .halted
    case KVM_EXIT_SHUTDOWN: return .shutdown
    case KVM_EXIT_X86_RDMSR: return .readMSR(index: run.pointee.msr.index)
    case KVM_EXIT_X86_WRMSR: return .writeMSR(index: run.pointee.msr.index, value: run.pointee.msr.data)
    case KVM_EXIT_SYSTEM_EVENT: return .systemEvent(type: run.pointee.system_event.type)
    case KVM_EXIT_INTERNAL_ERROR: return .internalError(suberror: run.pointee.internal.suberror)
    case KVM_EXIT_FAIL_ENTRY:
      return .failedEntry(reason: run.pointee.fail_entry.hardware_entry_failure_reason)
    default: return .unknown(reason)
    }
  }

  /// The guest's answer to ``Exit/readMMIO(_:width:)``: the low `width` bytes of `value`.
  public func completeMMIO(_ value: UInt64) {
    area.bytes.storeBytes(of: value.littleEndian, toByteOffset: RunArea.mmioDataOffset, as: UInt64.self)
  }

  /// The guest's answer to an MSR exit; `fault` makes the instruction raise #GP instead.
  public func completeMSR(_ value: UInt64, fault: Bool = false) {
    run.pointee.msr.data = value
    run.pointee.msr.error = fault ? 1 : 0
  }

  /// Goes through the accesses of ``Exit/port(number:width:count:isWrite:)`` in order: `body` gets the value written,
  /// or 0, and returns the value read, which counts only for reads.
  @inline(__always)
  public func handlePort(_ body: (UInt64) -> UInt64) {
    let io = run.pointee.io
    let width = Int(io.size)
    var offset = Int(io.data_offset)
    // Not a for loop, which allocates where the compiler does not optimize: tests count what an exit allocates.
    var left = io.count
    while left > 0 {
      guard offset >= 0, width <= 4, offset <= area.byteCount - 8 else { return }
      if io.direction == UInt8(KVM_EXIT_IO_OUT) {
        _ = body(load(at: offset, width: width))
      } else {
        store(body(0), at: offset, width: width)
      }
      offset += width
      left -= 1
    }
  }

  @inline(__always)
  private func load(at offset: Int, width: Int) -> UInt64 {
    switch width {
    case 1: UInt64(area.bytes.loadUnaligned(fromByteOffset: offset, as: UInt8.self))
    case 2: UInt64(area.bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    case 4: UInt64(area.bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    default: area.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
  }

  @inline(__always)
  private func store(_ value: UInt64, at offset: Int, width: Int) {
    switch width {
    case 1:
      area.bytes.storeBytes(of: UInt8(truncatingIfNeeded: value), toByteOffset: offset, as: UInt8.self)
    case 2:
      area.bytes.storeBytes(of: UInt16(truncatingIfNeeded: value), toByteOffset: offset, as: UInt16.self)
    default:
      area.bytes.storeBytes(of: UInt32(truncatingIfNeeded: value), toByteOffset: offset, as: UInt32.self)
    }
  }
}

/// The page that a virtual processor shares with the kernel.
///
/// Sendable: other threads touch `immediate_exit` alone, one byte that the kernel reads once per run; everything else
/// belongs to the thread of the ``VCPU``.
final class RunArea: @unchecked Sendable {
  private let mapping: MappedMemory

  init(_ mapping: consuming MappedMemory) { self.mapping = mapping }

  var bytes: UnsafeMutableRawPointer { mapping.base }
  var byteCount: Int { mapping.count }
  var run: UnsafeMutablePointer<kvm_run> { mapping.base.assumingMemoryBound(to: kvm_run.self) }

  /// `mmio.data` in the anonymous union, whose members have no offset in Swift.
  static let mmioDataOffset = 40

  func setImmediateExit(_ value: UInt8) {
    // A plain byte store that the compiler may not drop: the atomic cell is one byte that holds the number itself.
    let offset = MemoryLayout<kvm_run>.offset(of: \kvm_run.immediate_exit) ?? 1
    UnsafePointer((bytes + offset).assumingMemoryBound(to: Atomic<UInt8>.self)).pointee
      .store(value, ordering: .sequentiallyConsistent)
  }
}
