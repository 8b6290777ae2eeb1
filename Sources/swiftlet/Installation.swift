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

  /// The folder above it, which has the other parts.
  static let root: String? = programFolder.flatMap { folder in
    folder.lastIndex(of: "/").map { String(folder[..<$0]) }
  }

  /// The file of another program of Swiftlet's: beside this one, in ../libexec, or in PATH.
  /// - Parameter what: it is, for messages.
  static func helper(_ name: String, _ what: String) throws(Diagnostic) -> String {
    var folders: [String] = []
    if let programFolder, let root { folders += [programFolder, "\(root)/libexec"] }
    folders += (environment("PATH") ?? "").split(separator: ":").map(String.init)
    for folder in folders where access("\(folder)/\(name)", X_OK) == 0 { return "\(folder)/\(name)" }
    throw Diagnostic(
      .monitorError, "cannot find \(what)", which: name, mend: "put it beside swiftlet, or in PATH")
  }

  static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// The file of a program that PATH leads to.
  static func program(_ name: String) -> String? {
    (environment("PATH") ?? "").split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// What tells this host from others: machine-id(5), or else its name.
  static var hostIdentity: String {
    if let file = try? FileDescriptor(opening: "/etc/machine-id", O_RDONLY),
      let bytes = try? file.contents(limit: 4096), !bytes.isEmpty
    {
      return String(decoding: bytes, as: UTF8.self)
    }
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }
}

/// What a machine of `swiftlet run` starts with besides the kernel.
enum Agent {
  /// `$SWIFTLET_AGENT`, or the installed one.
  static func path() throws(Diagnostic) -> String {
    if let named = Installation.environment("SWIFTLET_AGENT") { return named }
    if let folder = Installation.programFolder {
      let path = "\(folder)/../share/swiftlet/agent/agent.cpio"
      if Installation.isReadable(path) { return path }
    }
    throw Diagnostic(
      .noInput, "no guest agent", which: "none is installed for this",
      mend: "run make guests, or name one by SWIFTLET_AGENT")
  }
}

/// The kernel that is booted when none is named.
enum DefaultKernel {
  /// For one processor, or for several.
  enum Flavour: String { case up, smp }

  /// The path of the one that is installed.
  static func installed(_ flavour: Flavour) -> String? {
    place(flavour).flatMap { Installation.isReadable($0) ? $0 : nil }
  }

  private static func place(_ flavour: Flavour) -> String? {
    Installation.root.map { "\($0)/share/swiftlet/kernels/\(flavour.rawValue)/vmlinux" }
  }

  /// `$SWIFTLET_KERNEL`, or the installed one for one processor or for several.
  static func path(oneCPU: Bool) throws(Diagnostic) -> String {
    if let named = Installation.environment("SWIFTLET_KERNEL") { return named }
    if let path = installed(oneCPU ? .up : .smp) { return path }
    // There may be one, but not for this person: whoever reads it says so.
    if errno == EACCES, let path = place(oneCPU ? .up : .smp) { return path }
    throw Diagnostic(
      .noInput, "no kernel", which: "none is installed for this",
      mend: "use --kernel FILE, or run make guests")
  }
}
