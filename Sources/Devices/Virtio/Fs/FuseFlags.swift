import LinuxSystem

/// O_* of open(2) on x86-64, as OPEN and CREATE have them. What is not here changes nothing for a server.
struct OpenFlags: OptionSet {
  let rawValue: UInt32
  static let access = OpenFlags(rawValue: 0o3)
  static let exclusive = OpenFlags(rawValue: 0o200)
  static let truncate = OpenFlags(rawValue: 0o1000)
  static let append = OpenFlags(rawValue: 0o2000)
  static let dataSynchronous = OpenFlags(rawValue: 0o10000)
  static let synchronous = OpenFlags(rawValue: 0o4000000)

  func opening() throws(FuseError) -> FuseOpening {
    var opening = FuseOpening()
    switch intersection(.access).rawValue {
    case 0: break
    case 1: (opening.reads, opening.writes) = (false, true)
    case 2: opening.writes = true
    default: throw .invalid
    }
    opening.truncates = contains(.truncate)
    opening.appends = contains(.append)
    opening.isSynchronous = contains(.synchronous)
    opening.isDataSynchronous = contains(.dataSynchronous)
    return opening
  }
}

enum FileKind {
  /// Whether a mode is that of a regular file; with no kind at all it is one as well (mknod(2)).
  static func isRegular(_ mode: UInt32) -> Bool { [0, 0o100000].contains(mode & 0o170000) }
}

/// FATTR_*: which fields of SETATTR count.
private struct ChangedFields: OptionSet {
  let rawValue: UInt32
  static let mode = ChangedFields(rawValue: 1 << 0)
  static let owner = ChangedFields(rawValue: 1 << 1)
  static let group = ChangedFields(rawValue: 1 << 2)
  static let size = ChangedFields(rawValue: 1 << 3)
  static let accessed = ChangedFields(rawValue: 1 << 4)
  static let modified = ChangedFields(rawValue: 1 << 5)
  static let handle = ChangedFields(rawValue: 1 << 6)
  static let accessedNow = ChangedFields(rawValue: 1 << 7)
  static let modifiedNow = ChangedFields(rawValue: 1 << 8)
}

extension FuseChange {
  /// fuse_setattr_in. The time of change is the host's own matter.
  init(_ body: inout FuseBody) throws(FuseError) {
    let fields = ChangedFields(rawValue: try body.next())
    try body.skip(4)
    let (handle, size): (UInt64, UInt64) = (try body.next(), try body.next())
    try body.skip(8)
    let (accessed, modified): (UInt64, UInt64) = (try body.next(), try body.next())
    try body.skip(8)
    let (accessedPart, modifiedPart): (UInt32, UInt32) = (try body.next(), try body.next())
    try body.skip(4)
    let mode: UInt32 = try body.next()
    try body.skip(4)
    let (owner, group): (UInt32, UInt32) = (try body.next(), try body.next())
    try body.skip(4)
    try body.end()
    if fields.contains(.handle) { self.handle = FuseHandle(number: handle) }
    if fields.contains(.mode) { self.mode = mode }
    if fields.contains(.owner) { self.owner = owner }
    if fields.contains(.group) { self.group = group }
    if fields.contains(.size) { self.size = size }
    if fields.contains(.accessed) {
      self.accessed = try Self.time(fields.contains(.accessedNow), accessed, accessedPart)
    }
    if fields.contains(.modified) {
      self.modified = try Self.time(fields.contains(.modifiedNow), modified, modifiedPart)
    }
  }

  private static func time(
    _ isNow: Bool, _ seconds: UInt64, _ nanoseconds: UInt32
  ) throws(FuseError) -> FileDescriptor.NewTime {
    if isNow { return .now }
    // Above that are the numbers that mean "now" and "leave it" (utimensat(2)).
    guard nanoseconds < 1_000_000_000 else { throw .invalid }
    return .at(FileDetails.Time(seconds: Int64(bitPattern: seconds), nanoseconds: nanoseconds))
  }
}

extension FuseBody {
  /// A place in a file: one that a file can have.
  mutating func offset() throws(FuseError) -> Int64 {
    guard let offset = Int64(exactly: try next(UInt64.self)) else { throw .invalid }
    return offset
  }
}
