import CKVM

/// A table of CPUID leaves as KVM takes and gives them (struct kvm_cpuid2).
public struct CPUID: Sendable {
  /// One leaf's registers.
  public struct Leaf: Sendable {
    public var function: UInt32
    public var index: UInt32
    public var flags: UInt32
    public var eax: UInt32
    public var ebx: UInt32
    public var ecx: UInt32
    public var edx: UInt32
  }

  public var leaves: [Leaf] = []

  init() {}

  /// Hands the kernel's form of the table to `body` and takes back what it left there.
  mutating func withHeader<Failure: Error>(
    _ body: (UnsafeMutablePointer<kvm_cpuid2>) throws(Failure) -> Void
  ) throws(Failure) {
    let capacity = Int(CKVM_CPUID_CAPACITY)
    let table = UnsafeMutablePointer<ckvm_cpuid>.allocate(capacity: 1)
    defer { table.deallocate() }
    table.initialize(to: ckvm_cpuid())
    let header = UnsafeMutableRawPointer(table).assumingMemoryBound(to: kvm_cpuid2.self)
    let entries = ckvm_cpuid_entries(header)
    let count = min(leaves.count, capacity)
    for (index, leaf) in leaves.prefix(count).enumerated() { entries[index] = leaf.entry }
    header.pointee.nent = UInt32(count == 0 ? capacity : count)
    try body(header)
    leaves = (0..<min(Int(header.pointee.nent), capacity)).map { Leaf(entries[$0]) }
  }
}

extension CPUID.Leaf {
  fileprivate init(_ entry: kvm_cpuid_entry2) {
    self.init(
      function: entry.function, index: entry.index, flags: entry.flags,
      eax: entry.eax, ebx: entry.ebx, ecx: entry.ecx, edx: entry.edx)
  }

  fileprivate var entry: kvm_cpuid_entry2 {
    kvm_cpuid_entry2(
      function: function, index: index, flags: flags, eax: eax, ebx: ebx, ecx: ecx, edx: edx,
      padding: (0, 0, 0))
  }
}
