import Boot
import Configuration
import GuestMemory
import LinuxSystem

/// A kernel's or initrd's file, read straight into guest memory.
final class ImageFile: LoadableImage {
  private let file: FileDescriptor
  let size: UInt64
  private let scatter: ScatterList

  /// - Throws: a line that names the file and what is wrong with it.
  init(_ file: consuming FileDescriptor, what: String, name: String, memory: GuestMemory) throws(Diagnostic) {
    let status: FileStatus
    do throws(SystemError) { status = try file.status() } catch {
      throw Diagnostic(.noInput, "cannot read the \(what)", which: name, mend: error.reason)
    }
    guard status.kind == .regular else {
      throw Diagnostic(.noInput, "the \(what) is not a regular file", which: name, mend: "name a file")
    }
    size = status.size
    self.file = file
    scatter = ScatterList(memory: memory, capacity: 1)
  }

  convenience init(path: String, what: String, memory: GuestMemory) throws(Diagnostic) {
    let file: FileDescriptor
    do throws(SystemError) { file = try FileDescriptor(opening: path, 0) } catch {
      throw Diagnostic(.noInput, "cannot open the \(what)", which: path, mend: error.reason)
    }
    try self.init(file, what: what, name: path, memory: memory)
  }

  func bytes(at offset: UInt64, count: Int) throws(ImageError) -> [UInt8] {
    do throws(SystemError) { return try file.bytes(count: count, at: offset) } catch {
      throw .unreadable(error.reason)
    }
  }

  func read(into slice: GuestSlice, at offset: UInt64) throws(ImageError) {
    scatter.removeAll()
    _ = scatter.append(slice)
    var position = offset
    do throws(SystemError) {
      while scatter.byteCount > 0 {
        let count = try scatter.read(from: file, at: position)
        if count == 0 { throw SystemError(call: "read", operand: "the file became shorter", code: 61) }
        scatter.removeFirst(count)
        position += UInt64(count)
      }
    } catch {
      throw .unreadable("\(error)")
    }
  }
}
