import CKVM
import CLinux
public import LinuxSystem

/// The counters that KVM keeps of one virtual processor (KVM_GET_STATS_FD).
public struct Statistics: ~Copyable, Sendable {
  private let descriptor: FileDescriptor
  private let offsets: [String: UInt64]

  /// - Throws: ENOTTY where the host's KVM keeps none.
  public init(_ vcpu: borrowing VCPU) throws(SystemError) {
    let raw = try control(vcpu.descriptor, CKVM_GET_STATS_FD, "KVM_GET_STATS_FD")
    let file = FileDescriptor(owning: Int32(raw))
    var header = kvm_stats_header()
    try withUnsafeMutableBytes(of: &header) { buffer throws(SystemError) in
      try file.readAll(into: buffer, at: 0)
    }
    let fixed = MemoryLayout<kvm_stats_desc>.size
    let stride = fixed + Int(header.name_size)
    var offsets: [String: UInt64] = [:]
    for index in 0..<Int(header.num_desc) {
      let position = UInt64(header.desc_offset) + UInt64(index * stride)
      let record = try file.bytes(count: stride, at: position)
      let description = record.withUnsafeBytes { $0.loadUnaligned(as: kvm_stats_desc.self) }
      let name = String(decoding: record[fixed...].prefix { $0 != 0 }, as: UTF8.self)
      offsets[name] = UInt64(header.data_offset) + UInt64(description.offset)
    }
    descriptor = file
    self.offsets = offsets
  }

  /// The counter's value now; nil where this KVM has no counter of that name.
  public func value(_ name: String) throws(SystemError) -> UInt64? {
    guard let offset = offsets[name] else { return nil }
    var value: UInt64 = 0
    try withUnsafeMutableBytes(of: &value) { buffer throws(SystemError) in
      try descriptor.readAll(into: buffer, at: offset)
    }
    return value
  }
}
