import Bench
import Glibc
import LinuxSystem

/// What the host keeps in memory of files, dropped as far as this process may: it may not, where a file is in use.
final class HostCaches {
  private static let all = "/proc/sys/vm/drop_caches"
  private let files: [String]
  private var dropsAll = false
  /// Bytes of the files, and of them those that stayed, of the last time.
  private var (size, left) = (0, 0)

  /// - Parameter words: those that name files, alone or before a comma, as options of `swiftlet boot` do.
  init(_ words: [String?]) {
    let paths = words.compactMap { $0?.split(separator: ",").first.map(String.init) }
    files = Set(paths).filter(HostCaches.isFile).sorted()
  }

  private static func isFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size > 0
  }

  func drop() {
    (size, left) = (0, 0)
    for path in files {
      guard let file = try? FileDescriptor(opening: path, O_RDONLY) else { continue }
      posix_fadvise(file.raw, 0, 0, POSIX_FADV_DONTNEED)
    }
    dropsAll = geteuid() == 0 && HostCaches.dropAll()
    for path in files {
      guard let bytes = Bench.Program.size(path).flatMap({ Int(exactly: $0) }), bytes > 0 else { continue }
      size += bytes
      left += HostCaches.resident(path, bytes)
    }
  }

  /// All that is clean, directories and what is known of files too.
  private static func dropAll() -> Bool {
    guard let file = try? FileDescriptor(opening: all, O_WRONLY) else { return false }
    return (try? file.writeAll(Array("3".utf8))) != nil
  }

  /// Bytes of a file that are in memory.
  private static func resident(_ path: String, _ bytes: Int) -> Int {
    guard let file = try? FileDescriptor(opening: path, O_RDONLY),
      let base = mmap(nil, bytes, PROT_READ, MAP_PRIVATE, file.raw, 0), base != MAP_FAILED
    else { return 0 }
    defer { munmap(base, bytes) }
    var pages = [UInt8](repeating: 0, count: (bytes + 4095) / 4096)
    guard mincore(base, bytes, &pages) == 0 else { return 0 }
    return min(bytes, 4096 * pages.count { $0 & 1 == 1 })
  }

  /// What was dropped, for the conditions.
  var text: String {
    func mebibytes(_ bytes: Int) -> String { "\(fixed(Double(bytes) / 1_048_576, 1)) MiB" }
    return
      "before each boot \(mebibytes(size - left)) of the \(mebibytes(size)) of \(files.count) files were dropped"
      + (dropsAll
        ? ", and all else by \(HostCaches.all)"
        : "; the rest of the host's caches may only be dropped by root")
  }
}
