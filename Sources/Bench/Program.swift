import Glibc
import LinuxSystem

/// Programs and small files of this host.
package enum Program {
  /// The path of a program that is named by a path, or that PATH or the system's own folders have; nil where there is
  /// none.
  package static func find(_ name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let folders = path.split(separator: ":").map(String.init) + ["/usr/local/bin", "/usr/bin", "/usr/sbin"]
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// The contents of a small file; empty where there is none.
  package static func file(_ path: String) -> String {
    guard let file = try? FileDescriptor(opening: path, O_RDONLY),
      let bytes = try? file.contents(limit: 1 << 22)
    else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A number of /proc/meminfo, in bytes.
  package static func hostMemory(_ name: String) -> UInt64? {
    let line = file("/proc/meminfo").split(separator: "\n").first { $0.hasPrefix("\(name):") }
    return line?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }.map { $0 << 10 }
  }

  /// What a symbolic link leads to.
  package static func target(_ link: String) -> String? {
    guard let path = realpath(link, nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }

  /// A file, wherever a link to it leads and whether or not it has a name; nil where it is none.
  static func identity(_ path: String) -> FileStatus.Identity? {
    try? FileDescriptor(opening: path, FileDescriptor.pathOnly).status().identity
  }

  /// Bytes of a file; nil where it is none.
  package static func size(_ path: String) -> UInt64? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return UInt64(clamping: status.st_size)
  }
}
