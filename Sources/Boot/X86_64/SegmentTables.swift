/// A segment register's contents, with the names of `kvm_segment`.
public struct Segment: Equatable, Sendable {
  public let selector: UInt16
  public let base: UInt64
  /// Last offset, in bytes.
  public let limit: UInt32
  /// Intel SDM volume 3, tables 3-1 and 3-2.
  public let type: UInt8
  public let present: Bool
  /// Privilege level.
  public let dpl: UInt8
  /// Default operand size is 32 bits.
  public let db: Bool
  /// Code or data, not a system segment.
  public let s: Bool
  /// 64-bit code.
  public let l: Bool
  /// The descriptor's limit counts pages of 4 KiB.
  public let g: Bool

  static let data = Segment(selector: 0x18, type: 0x3, db: true, s: true, l: false)
  static let code64 = Segment(selector: 0x10, type: 0xb, db: false, s: true, l: true)
  static let code32 = Segment(selector: 0x10, type: 0xb, db: true, s: true, l: false)
  /// A task register must hold a busy task state segment.
  static let task = Segment(selector: 0x20, limit: 0x67, type: 0xb, db: false, s: false, l: false, g: false)

  private init(
    selector: UInt16, limit: UInt32 = 0xffff_ffff, type: UInt8, db: Bool, s: Bool, l: Bool, g: Bool = true
  ) {
    self.selector = selector
    self.limit = limit
    self.type = type
    self.db = db
    self.s = s
    self.l = l
    self.g = g
    base = 0
    present = true
    dpl = 0
  }

  /// As an entry of a descriptor table (Intel SDM volume 3, figure 3-8), for a segment that begins at 0.
  var descriptor: UInt64 {
    let units = UInt64(g ? limit >> 12 : limit)
    var high = UInt64(type) | UInt64(s ? 1 : 0) << 4 | UInt64(dpl) << 5 | UInt64(present ? 1 : 0) << 7
    high |= (units >> 16) << 8 | UInt64(l ? 1 : 0) << 13 | UInt64(db ? 1 : 0) << 14 | UInt64(g ? 1 : 0) << 15
    return units & 0xffff | high << 40
  }
}

/// The global descriptor table a kernel is entered with.
enum SegmentTables {
  /// Selector 0x10 is `code`, 0x18 data, 0x20 (two entries in long mode) the task.
  static func encoded(code: Segment) -> [UInt8] {
    var bytes: [UInt8] = []
    for entry in [0, 0, code.descriptor, Segment.data.descriptor, Segment.task.descriptor, 0] {
      bytes.append(number: entry)
    }
    return bytes
  }
}
