import CLinux
import Glibc

/// What a process in a mount namespace of its own does to its file systems (mount_namespaces(7)).
public enum Mounts {
  /// MOUNT_ATTR_*.
  public struct Restrictions: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let readOnly = Restrictions(rawValue: 1)
    public static let noSetUserID = Restrictions(rawValue: 2)
    public static let noDevices = Restrictions(rawValue: 4)
    public static let noPrograms = Restrictions(rawValue: 8)
  }

  /// Nothing that is mounted here is seen outside, nor the other way round.
  public static func separate() throws(SystemError) {
    _ = try checked(clinux_mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil), "mount", "/")
  }

  /// Puts an empty file system in memory over a directory.
  public static func cover(_ path: String) throws(SystemError) {
    _ = try checked(clinux_mount("tmpfs", path, "tmpfs", 0, "size=64k,mode=755"), "mount", path)
  }

  /// Shows a directory, with all that is mounted in it, at another place too.
  public static func show(_ source: String, at target: String) throws(SystemError) {
    _ = try checked(
      clinux_mount(source, target, nil, UInt(MS_BIND | MS_REC), nil), "mount", source)
  }

  /// - Parameter all: what is mounted beneath as well.
  public static func restrict(_ path: String, _ restrictions: Restrictions, all: Bool) throws(SystemError) {
    _ = try checked(clinux_mount_restrict(path, restrictions.rawValue, all ? 1 : 0), "mount_setattr", path)
  }

  /// Makes a mounted directory the root of the process, and takes the old root away.
  public static func enterRoot(_ path: String) throws(SystemError) {
    _ = try checking("chdir", path) { Int(chdir(path)) }
    // The old root lies over the new one then, and is what "." leads to.
    _ = try checked(clinux_pivot_root(".", "."), "pivot_root", path)
    _ = try checked(clinux_unmount_lazily("."), "umount2")
    _ = try checking("chdir", "/") { Int(chdir("/")) }
  }
}

/// Directories by path.
public enum Folders {
  /// The path without symbolic links, `.` and `..`.
  public static func resolved(_ path: String) throws(SystemError) -> String {
    guard let text = realpath(path, nil) else {
      throw SystemError(call: "realpath", operand: path, code: errno)
    }
    defer { free(text) }
    return String(cString: text)
  }

  /// Makes the directory and those above it that are not there.
  public static func make(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
    var part = ""
    for name in path.split(separator: "/") {
      part += (part.isEmpty && !path.hasPrefix("/") ? "" : "/") + name
      let made = part
      do throws(SystemError) { _ = try checking("mkdir", made) { Int(mkdir(made, mode)) } } catch {
        guard error.code == EEXIST || error.code == EROFS else { throw error }
      }
    }
  }

  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
