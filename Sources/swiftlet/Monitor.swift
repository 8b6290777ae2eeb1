import Configuration
import Glibc
import LinuxSystem

/// Hands a machine over to `swiftlet-vmm`.
enum Monitor {
  /// Becomes the monitor, which reads the description from an inherited memory file: no child, the same
  /// process identifier, the same terminal.
  static func become(_ description: MachineDescription) throws(Diagnostic) -> Never {
    let program = try path()
    let failure: SystemError
    do throws(SystemError) {
      let file = try file(of: description)
      try replaceProcess(with: program, arguments: ["--description-fd", "\(file.raw)"])
    } catch { failure = error }
    throw Diagnostic(
      .monitorError, "cannot start the monitor", which: program, mend: "\(failure.call): \(failure.reason)")
  }

  /// A memory file with the description, for a program that this process becomes or starts.
  static func file(of description: MachineDescription) throws(SystemError) -> FileDescriptor {
    let file = try FileDescriptor(memoryFile: "machine-description", inherited: true)
    try file.writeAll(description.encode())
    try file.seek(to: 0)
    return file
  }

  static func path() throws(Diagnostic) -> String { try Installation.helper("swiftlet-vmm", "the monitor") }
}
