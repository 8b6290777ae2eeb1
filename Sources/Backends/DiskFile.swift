public import Devices
import Glibc
public import GuestMemory
public import LinuxSystem

/// Why a file cannot be a disk.
public enum DiskError: Error, Sendable, Equatable {
  case cannotOpen(SystemError)
  case notAFile
  case empty
  case sizeNotInSectors(UInt64)
  case inUse
}

extension DiskError: CustomStringConvertible {
  /// What is wrong and how to mend it; which disk, the caller knows.
  public var description: String {
    switch self {
    case .cannotOpen(let error) where error.code == EACCES || error.code == EROFS:
      "\(error.reason): mend its permissions, or attach it read-only"
    case .cannotOpen(let error): error.reason
    case .notAFile: "it is neither a file nor a block device: give a disk image"
    case .empty: "it is empty: give it a size, as with `truncate -s 64M`"
    case .sizeNotInSectors(let size):
      "its size of \(size) bytes is not a multiple of 512: round it up with `truncate -s %512`"
    case .inUse: "it is in use by another process: end that one, or attach the disk read-only in both"
    }
  }
}

/// A disk in a file or on a block device of the host.
///
/// The file is locked for as long as this lives (fcntl(2), F_OFD_SETLK): against everyone else if it is writable, else
/// against writers.
public final class DiskFile: BlockStore {
  private static let sectorSize: UInt64 = 512
  /// Slices one system call takes; longer requests take several.
  private static let slicesPerCall = 256

  public let sectorCount: UInt64
  public let isReadOnly: Bool
  public let serialNumber: String
  private let file: FileDescriptor
  private var list: ScatterList?
  private var reportFailure: ((SystemError) -> Void)?

  /// - Parameters:
  ///   - serialNumber: What the guest sees as the disk's serial number, at most 20 bytes of UTF-8.
  ///   - reportFailure: Called once, at the first read, write or flush the host refuses; the guest sees an I/O error
  ///     each time.
  public init(
    path: String, readOnly: Bool, serialNumber: String, reportFailure: @escaping (SystemError) -> Void
  ) throws(DiskError) {
    let file = try Self.open(path, readOnly: readOnly)
    let size = try Self.size(file)
    guard size > 0 else { throw .empty }
    guard size % Self.sectorSize == 0 else { throw .sizeNotInSectors(size) }
    do throws(SystemError) {
      try file.lock(exclusively: !readOnly)
    } catch {
      throw error.code == EAGAIN || error.code == EACCES ? .inUse : .cannotOpen(error)
    }
    self.file = file
    self.serialNumber = serialNumber
    self.reportFailure = reportFailure
    isReadOnly = readOnly
    sectorCount = size / Self.sectorSize
  }

  /// Without O_NONBLOCK a named pipe would wait for its other end; it changes nothing for files and disks.
  private static func open(_ path: String, readOnly: Bool) throws(DiskError) -> FileDescriptor {
    do throws(SystemError) {
      return try FileDescriptor(opening: path, (readOnly ? O_RDONLY : O_RDWR) | O_NONBLOCK)
    } catch {
      throw error.code == EISDIR || error.code == ENXIO ? .notAFile : .cannotOpen(error)
    }
  }

  private static func size(_ file: borrowing FileDescriptor) throws(DiskError) -> UInt64 {
    let status: FileStatus
    do throws(SystemError) { status = try file.status() } catch { throw .cannotOpen(error) }
    switch status.kind {
    case .regular: return status.size
    case .blockDevice:
      // fstat(2) tells no size of a device; its end does.
      let end = lseek(file.raw, 0, SEEK_END)
      let code = errno
      guard end >= 0 else { throw .cannotOpen(SystemError(call: "lseek", code: code)) }
      return UInt64(end)
    default: throw .notAFile
    }
  }

  public func read(
    into slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64
  ) throws(BlockStoreFailure) {
    try transfer(slices, of: memory, at: offset) { list, file, offset throws(SystemError) in
      try list.read(from: file, at: offset)
    }
  }

  public func write(
    _ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64
  ) throws(BlockStoreFailure) {
    try transfer(slices, of: memory, at: offset) { list, file, offset throws(SystemError) in
      try list.write(to: file, at: offset)
    }
  }

  public func flush() throws(BlockStoreFailure) {
    do throws(SystemError) { try file.synchronize() } catch { throw fail(error) }
  }

  /// Repeats `call` until all bytes are through. A call that moves nothing means that the file has become shorter.
  private func transfer(
    _ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64,
    _ call: (ScatterList, borrowing FileDescriptor, UInt64) throws(SystemError) -> Int
  ) throws(BlockStoreFailure) {
    let list = self.list ?? ScatterList(memory: memory, capacity: Self.slicesPerCall)
    self.list = list
    list.removeAll()
    var next = 0
    var offset = offset
    while true {
      while next < slices.count, list.append(slices[next]) { next += 1 }
      if list.byteCount == 0 { return }
      do throws(SystemError) {
        let count = try call(list, file, offset)
        guard count > 0 else {
          throw SystemError(call: "read or write", operand: "disk became shorter", code: EIO)
        }
        list.removeFirst(count)
        offset += UInt64(count)
      } catch {
        throw fail(error)
      }
    }
  }

  private func fail(_ error: SystemError) -> BlockStoreFailure {
    reportFailure?(error)
    reportFailure = nil
    return BlockStoreFailure()
  }
}
