public import Devices
import Glibc
public import GuestMemory
public import LinuxSystem

/// A disk in a file or on a block device of the host.
///
/// The file is locked for as long as this lives (fcntl(2), F_OFD_SETLK): against everyone else if it is writable, else
/// against writers. Where its length is no whole number of blocks, the last one is filled up with zeros: they take no
/// space until the guest writes there.
public final class DiskFile: BlockStore {
  /// How a file is used as a disk.
  public struct Options: Sendable {
    public var readOnly: Bool
    /// What the guest sees as the disk's serial number, at most 20 bytes of UTF-8.
    public var serialNumber: String
    /// Transfers go around the page cache, where place and length allow it.
    public var isDirect: Bool
    /// Transfers go on while others are begun, where the host allows it.
    public var usesRing: Bool

    public init(
      readOnly: Bool = false, serialNumber: String = "", isDirect: Bool = false, usesRing: Bool = false
    ) {
      self.readOnly = readOnly
      self.serialNumber = serialNumber
      self.isDirect = isDirect
      self.usesRing = usesRing
    }
  }

  /// Slices one system call takes; longer requests take several.
  static let slicesPerCall = 256

  public private(set) var sectorCount: UInt64
  public let blockSize: UInt32
  public let isReadOnly: Bool
  public let serialNumber: String
  public weak var client: (any BlockStoreClient)?
  /// Signalled when something pending has ended, for ``reap()``.
  public let wake: EventDescriptor
  /// Why transfers are not left to a ring although that was asked for.
  public private(set) var ringRefusal: SystemError?
  let file: FileDescriptor
  let direct: DirectFile?
  /// The file's own length, in bytes, when it was last looked at.
  private(set) var size: UInt64
  private var ring: DiskRing?
  private var list: ScatterList?
  private var reportFailure: ((SystemError) -> Void)?
  /// Whether a flush has failed.
  private var hasLostWrites = false

  /// - Parameter reportFailure: Called once, at the first read, write or flush the host refuses; the guest sees an
  ///   I/O error each time.
  public init(
    path: String, _ options: Options, reportFailure: @escaping (SystemError) -> Void
  ) throws(DiskError) {
    let file = try Self.open(path, readOnly: options.readOnly)
    let size = try Self.size(file)
    guard size > 0 else { throw .empty }
    try Self.lock(file, readOnly: options.readOnly)
    let direct = options.isDirect ? try Self.openDirectly(file, readOnly: options.readOnly) : nil
    let wake: EventDescriptor
    do throws(SystemError) { wake = try EventDescriptor() } catch { throw .cannotOpen(error) }
    if options.usesRing {
      do throws(SystemError) { ring = try DiskRing(wake: wake) } catch { ringRefusal = error }
    }
    self.file = file
    self.direct = direct
    self.size = size
    self.wake = wake
    self.reportFailure = reportFailure
    blockSize = UInt32(max(direct?.alignment.offset ?? 512, 512))
    serialNumber = options.serialNumber
    isReadOnly = options.readOnly
    sectorCount = Self.sectors(size, blockSize: blockSize)
  }

  /// Transfers that were left to a ring hold the file, and with it the lock, for some moments longer than the process
  /// does that began them: a lock that is not to be had is asked for again for half a second.
  private static func lock(_ file: borrowing FileDescriptor, readOnly: Bool) throws(DiskError) {
    for attempt in 1...50 {
      do throws(SystemError) { return try file.lock(exclusively: !readOnly) } catch {
        guard error.code == EAGAIN || error.code == EACCES else { throw .cannotOpen(error) }
        if attempt < 50 { usleep(10_000) }
      }
    }
    throw .inUse
  }

  private static func sectors(_ size: UInt64, blockSize: UInt32) -> UInt64 {
    let block = UInt64(blockSize)
    return (size / block + (size % block == 0 ? 0 : 1)) * (block / 512)
  }

  /// Without O_NONBLOCK a named pipe would wait for its other end. It does not stay: of some disks, kernels would answer
  /// a ring's transfers with EAGAIN instead of waiting.
  private static func open(_ path: String, readOnly: Bool) throws(DiskError) -> FileDescriptor {
    do throws(SystemError) {
      let file = try FileDescriptor(opening: path, (readOnly ? O_RDONLY : O_RDWR) | O_NONBLOCK)
      try file.setNonBlocking(false)
      return file
    } catch {
      throw error.code == EISDIR || error.code == ENXIO ? .notAFile : .cannotOpen(error)
    }
  }

  private static func openDirectly(
    _ file: borrowing FileDescriptor, readOnly: Bool
  ) throws(DiskError) -> DirectFile {
    do throws(SystemError) { return try DirectFile(file, readOnly: readOnly) } catch {
      throw error.code == EINVAL ? .notDirect : .cannotOpen(error)
    }
  }

  private static func size(_ file: borrowing FileDescriptor) throws(DiskError) -> UInt64 {
    do throws(SystemError) {
      let status = try file.status()
      switch status.kind {
      case .regular: return status.size
      // fstat(2) tells no size of a device; its end does.
      case .blockDevice: return try file.end()
      default: break
      }
    } catch {
      throw .cannotOpen(error)
    }
    throw .notAFile
  }

  /// Looks whether the file has grown; one that has become shorter keeps its length for the guest.
  /// - Returns: whether ``sectorCount`` has changed.
  public func updateLength() -> Bool {
    guard let size = try? Self.size(file), size > self.size else { return false }
    self.size = size
    let sectors = Self.sectors(size, blockSize: blockSize)
    guard sectors > sectorCount else { return false }
    sectorCount = sectors
    return true
  }

  /// What tells when to look; nil where the user has as many watches as the host allows.
  public func makeWatch() -> sending FileWatch? { try? FileWatch(file) }

  // MARK: Transfers

  public func transfer(
    _ kind: BlockTransfer, _ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64, ticket: UInt64
  ) -> BlockOutcome {
    if let ring, let outcome = ring.begin(kind, slices, of: memory, at: offset, self, ticket: ticket) {
      return outcome
    }
    let list = self.list ?? ScatterList(memory: memory, capacity: Self.slicesPerCall)
    self.list = list
    list.removeAll()
    do throws(SystemError) {
      try transferNow(kind, slices, at: offset, list)
      if kind == .stableWrite { try file.synchronize() }
      return .done
    } catch {
      return fail(error)
    }
  }

  /// Repeats the call until all bytes are through.
  private func transferNow(
    _ kind: BlockTransfer, _ slices: [GuestSlice], at offset: UInt64, _ list: ScatterList
  ) throws(SystemError) {
    var next = 0
    var offset = offset
    while true {
      while next < slices.count, list.append(slices[next]) { next += 1 }
      if list.byteCount == 0 { return }
      var count = try move(kind, list, at: offset)
      if count == 0 { count = try fillTail(kind, list, at: offset) }
      list.removeFirst(count)
      offset += UInt64(count)
    }
  }

  private func move(_ kind: BlockTransfer, _ list: ScatterList, at offset: UInt64) throws(SystemError) -> Int
  {
    if let direct, direct.takes(list, at: offset) {
      return kind == .read ? try direct.read(into: list, at: offset) : try direct.write(list, at: offset)
    }
    return kind == .read ? try list.read(from: file, at: offset) : try list.write(to: file, at: offset)
  }

  /// A read that finds nothing has come to what fills the last block up, or the file has become shorter.
  func fillTail(_ kind: BlockTransfer, _ list: ScatterList, at offset: UInt64) throws(SystemError) -> Int {
    guard kind == .read, offset >= size else {
      throw SystemError(call: "read or write", operand: "disk became shorter", code: EIO)
    }
    list.fillWithZeros()
    return list.byteCount
  }

  public func flush(ticket: UInt64) -> BlockOutcome {
    if hasLostWrites { return .failed }
    // There is nothing to bring anywhere, and a monitor with no other disks may not even ask.
    if isReadOnly { return .done }
    if let ring { return ring.beginFlush(self, ticket: ticket) }
    return synchronize()
  }

  func synchronize() -> BlockOutcome {
    do throws(SystemError) { try file.synchronize() } catch { return failFlush(error) }
    return .done
  }

  /// The kernel forgets what it could not write, and the next fdatasync(2) would succeed: no flush does any more.
  func failFlush(_ error: SystemError) -> BlockOutcome {
    hasLostWrites = true
    return fail(error)
  }

  func fail(_ error: SystemError) -> BlockOutcome {
    reportFailure?(error)
    reportFailure = nil
    return .failed
  }

  // MARK: What is pending

  public func submit() { ring?.submit() }

  /// Tells the client of what has ended.
  public func reap() {
    wake.drain()
    ring?.reap(self)
  }

  public func settle() { ring?.settle() }

  // MARK: Holes and zeros

  public func discard(at offset: UInt64, count: UInt64) -> BlockOutcome {
    change(offset, count) { offset, count throws(SystemError) in try file.punchHole(at: offset, count: count)
    }
  }

  public func writeZeroes(at offset: UInt64, count: UInt64, mayUnmap: Bool) -> BlockOutcome {
    let outcome = change(offset, count) { offset, count throws(SystemError) in
      mayUnmap ? try file.punchHole(at: offset, count: count) : try file.zeroRange(at: offset, count: count)
    }
    guard outcome == .unsupported else { return outcome }
    return change(offset, count) { offset, count throws(SystemError) in
      let zeros = [UInt8](repeating: 0, count: 1 << 16)
      var done: UInt64 = 0
      while done < count {
        let part = min(count - done, UInt64(zeros.count))
        try file.writeAll(zeros.span.extracting(0..<Int(part)), at: offset + done)
        done += part
      }
    }
  }

  /// Changes what there is of a range in the file: what fills the last block up is zeros already, unless the guest has
  /// written there since the file was last looked at.
  private func change(
    _ offset: UInt64, _ count: UInt64, _ body: (UInt64, UInt64) throws(SystemError) -> Void
  ) -> BlockOutcome {
    guard !isReadOnly, let size = try? Self.size(file) else { return .failed }
    guard offset < size else { return .done }
    do throws(SystemError) {
      try body(offset, min(count, size - offset))
      return .done
    } catch {
      return error.code == EOPNOTSUPP || error.code == ENOSYS ? .unsupported : fail(error)
    }
  }
}
