import CLinux
import Glibc

extension FileDescriptor {
  /// The extended attributes of the open file (xattr(7)), without those that may not be read; none where the file system
  /// has no such thing.
  public func extendedAttributes() throws(SystemError) -> [(name: [UInt8], value: [UInt8])] {
    let names: [UInt8]
    do throws(SystemError) { names = try sized("flistxattr") { flistxattr(raw, $0, $1) } } catch {
      if error.isUnsupported { return [] }
      throw error
    }
    return names.split(separator: 0).compactMap { name in
      let terminated = name.map { CChar(bitPattern: $0) } + [0]
      guard let value = try? sized("fgetxattr", { fgetxattr(raw, terminated, $0, $1) }) else { return nil }
      return (Array(name), value)
    }
  }

  /// What a call fills into a buffer that is as large as the call says for none.
  private func sized(
    _ call: StaticString, _ body: (UnsafeMutablePointer<CChar>?, Int) -> Int
  ) throws(SystemError) -> [UInt8] {
    while true {
      let size = try checking(call) { body(nil, 0) }
      if size == 0 { return [] }
      var buffer = [CChar](repeating: 0, count: size)
      do throws(SystemError) {
        let count = try checking(call) { body(&buffer, size) }
        return buffer[..<count].map { UInt8(bitPattern: $0) }
      } catch {
        // It has grown meanwhile.
        if error.code != ERANGE { throw error }
      }
    }
  }
}
