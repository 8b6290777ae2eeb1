import CLinux
import Glibc

extension FileDescriptor {
  /// The extended attributes of the open file (xattr(7)), without those that may not be read; none where the file system
  /// has no such thing.
  public func extendedAttributes() throws(SystemError) -> [(name: [UInt8], value: [UInt8])] {
    var names = [CChar](repeating: 0, count: 1 << 16)
    let count: Int
    do throws(SystemError) {
      count = try checking("flistxattr") { flistxattr(raw, &names, names.count) }
    } catch {
      if error.isUnsupported { return [] }
      throw error
    }
    var found: [(name: [UInt8], value: [UInt8])] = []
    var value = [UInt8](repeating: 0, count: 1 << 16)
    for name in names[..<count].split(separator: 0) {
      let size = fgetxattr(raw, Array(name) + [0], &value, value.count)
      if size >= 0 { found.append((name.map { UInt8(bitPattern: $0) }, Array(value[..<size]))) }
    }
    return found
  }
}
