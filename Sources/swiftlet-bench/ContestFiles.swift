import Bench
import Configuration
import Glibc
import KernelImages
import LinuxSystem

/// The files that contestants are started from, in a folder of their own.
struct ContestFiles {
  let folder: TemporaryFolder
  /// The kernel as it was named; nil where it is the installed one.
  let named: String?
  /// The kernel's own file.
  let source: String
  /// The same as an ELF file: who starts it has nothing to unpack.
  let kernel: String
  /// The same as a bzImage; nil where there is none.
  let compressedKernel: String?
  let initialRamdisk: String
  /// The same, but that it powers the machine off, for monitors that start it again where it resets.
  let initialRamdiskPoweringOff: String
  let bareGuest: String
  /// A folder with `true`, the program, and nothing else.
  let root: String
  var program: String { root + "/true" }
  /// What Linux is told: to reset by the keyboard controller, but not where it panics, which is to be no good end; nothing
  /// on a console, and to look for no serial port.
  let commandLine = "reboot=k panic=0 quiet loglevel=0 8250.nr_uarts=0"
  let mebibytes = 128

  /// - Parameter kernel: an ELF file or a bzImage; nil for what $SWIFTLET_KERNEL names, or the installed one.
  init(_ swiftlet: Swiftlet, kernel: String?) throws {
    folder = try TemporaryFolder()
    let variable = getenv("SWIFTLET_KERNEL").map { String(cString: $0) } ?? ""
    named = kernel ?? (variable.isEmpty ? nil : variable)
    source = try named ?? swiftlet.guest("kernels/up/vmlinux")
    self.kernel = try Self.unpacked(source, into: "\(folder.path)/kernels")
    if named != nil {
      compressedKernel = self.kernel == source ? nil : source
    } else {
      let compressed = "\(swiftlet.share)/kernels/up/bzImage"
      compressedKernel = access(compressed, R_OK) == 0 ? compressed : nil
    }
    (root, bareGuest) = ("\(folder.path)/root", "\(folder.path)/bare")
    initialRamdisk = "\(folder.path)/initrd.cpio"
    initialRamdiskPoweringOff = "\(folder.path)/initrd-off.cpio"
    mkdir(root, 0o755)
    try Self.write(TrivialProgram.program, to: root + "/true", mode: 0o755)
    try Self.write(TrivialProgram.initialRamdisk(.reset), to: initialRamdisk)
    try Self.write(TrivialProgram.initialRamdisk(.powerOff), to: initialRamdiskPoweringOff)
    try Self.write(TrivialProgram.bareGuest, to: bareGuest)
  }

  private static func unpacked(_ path: String, into folder: String) throws -> String {
    let file: FileDescriptor
    do throws(SystemError) { file = try FileDescriptor(opening: path, O_RDONLY) } catch {
      throw Diagnostic(.noInput, "cannot read the kernel", which: path, mend: error.reason)
    }
    guard case .path(let kept) = try KernelCache(folder: folder).prepare(file, path: path) else {
      throw Failure("no room to unpack the kernel in \(folder)")
    }
    return kept
  }

  static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws(Failure) {
    do throws(SystemError) {
      try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode).writeAll(bytes)
    } catch { throw Failure("\(error)") }
  }

  /// What a named peer's command line can say.
  var placeholders: [String: String] {
    [
      "kernel": kernel, "bzimage": compressedKernel ?? kernel, "initrd": initialRamdisk,
      "initrd-off": initialRamdiskPoweringOff, "bare": bareGuest, "root": root, "program": program,
      "cmdline": commandLine,
    ]
  }
}
