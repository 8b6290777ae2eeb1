import CLinux
import Glibc

/// Work on files by their paths.
extension FileDescriptor {
  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The path of the folder that holds the file at `path`.
  public static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The first folder on the way to the file at `path` that this process may not search; nil where there is none.
  public static func closedFolder(to path: String) -> String? {
    var links = 0
    var rest = path.split(separator: "/", omittingEmptySubsequences: false)[...]
    var folder = path.hasPrefix("/") ? "/" : "."
    while let name = rest.popFirst() {
      if name.isEmpty { continue }
      if faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) != 0 { return errno == EACCES ? folder : nil }
      let place = folder == "." ? String(name) : folder == "/" ? "/\(name)" : "\(folder)/\(name)"
      guard let target = linkTarget(place) else {
        folder = place
        continue
      }
      links += 1
      if links > 40 { return nil }
      if target.hasPrefix("/") { folder = "/" }
      rest = target.split(separator: "/", omittingEmptySubsequences: false) + rest
    }
    return nil
  }

  private static func linkTarget(_ path: String) -> String? {
    guard let link = try? FileDescriptor(opening: path, pathOnly | O_NOFOLLOW) else { return nil }
    return (try? link.linkTarget()).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Makes the folder at `path` and those above it that are not there. Of those that are there nothing is asked: some file
  /// systems refuse to make what is there by another error than EEXIST.
  public static func makeFolders(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
    if mkdir(path, mode) == 0 { return }
    var code = errno
    if code == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try makeFolders(String(path[..<slash]), mode: mode)
      if mkdir(path, mode) == 0 { return }
      code = errno
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw SystemError(call: "mkdir", operand: path, code: code)
    }
  }

  /// Gives a file that has no name the name `path` (linkat(2)).
  /// - Returns: false where there is something of that name, which stays.
  public func link(as path: String) throws(SystemError) -> Bool {
    do throws(SystemError) {
      _ = try checking("linkat", path) {
        Int(linkat(AT_FDCWD, "/proc/self/fd/\(raw)", AT_FDCWD, path, AT_SYMLINK_FOLLOW))
      }
      return true
    } catch {
      guard error.code == EEXIST else { throw error }
      return false
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
