import Glibc

/// Work on files by their paths.
extension FileDescriptor {
  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Makes the folder at `path` and those above it that are not there.
  public static func makeFolders(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      made += "/\(part)"
      let result = mkdir(made, mode)
      let code = errno
      if result != 0, code != EEXIST { throw SystemError(call: "mkdir", operand: made, code: code) }
    }
  }

  public static func rename(_ path: String, to newPath: String) throws(SystemError) {
    _ = try checking("rename", newPath) { Int(Glibc.rename(path, newPath)) }
  }

  /// Removes a file, or an empty folder.
  public static func remove(_ path: String) throws(SystemError) {
    _ = try checking("remove", path) { Int(Glibc.remove(path)) }
  }

  /// The names of what is in the folder at `path`, in the order of their bytes.
  public static func names(in path: String) throws(SystemError) -> [FileName] {
    try FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY).names()
  }

  /// The names of what is in the directory, in the order of their bytes.
  public func names() throws(SystemError) -> [FileName] {
    var names: [FileName] = []
    var position: Int64 = 0
    while try readEntries(
      from: position, bufferSize: 1 << 15,
      {
        if let name = FileName($0.name) { names.append(name) }
        position = $0.next
        return true
      })
    {}
    return names.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
  }

  /// The path without symbolic links, "." and ".." (realpath(3)).
  public static func realPath(_ path: String) throws(SystemError) -> String {
    guard let found = realpath(path, nil) else {
      throw SystemError(call: "realpath", operand: path, code: errno)
    }
    defer { free(found) }
    return String(cString: found)
  }
}
