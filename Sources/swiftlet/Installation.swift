import Configuration
import Glibc
import LinuxSystem

/// Where the parts of Swiftlet are, seen from the running program's own file.
enum Installation {
  /// The folder of the running program, without symbolic links.
  static let programFolder: String? = {
    guard let path = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(path) }
    let text = String(cString: path)
    return text.lastIndex(of: "/").map { String(text[..<$0]) }
  }()

  static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }
}

/// The kernel that is booted when none is named.
enum DefaultKernel {
  /// `$SWIFTLET_KERNEL`, or the installed one for one processor or for several.
  static func path(oneCPU: Bool) throws(Diagnostic) -> String {
    if let named = Installation.environment("SWIFTLET_KERNEL") { return named }
    let flavour = oneCPU ? "up" : "smp"
    if let folder = Installation.programFolder {
      let path = "\(folder)/../share/swiftlet/kernels/\(flavour)/vmlinux"
      if Installation.isReadable(path) { return path }
    }
    throw Diagnostic(
      .noInput, "no kernel", which: "none is installed for this",
      mend: "use --kernel FILE, or run make guests")
  }
}
