import Configuration
import Glibc
import LinuxSystem
import Machine

/// The whole program: one description in, one machine, one status out.
enum Monitor {
  /// More than any valid description takes.
  private static let descriptionLimit = 1 << 20

  /// The exit status.
  static func run(_ arguments: [String]) -> Int32 {
    fillStandardDescriptors()
    shareOneHeap()
    do throws(Diagnostic) {
      let description = try description(arguments)
      // What the person's shell has open is not for a machine.
      closeDescriptors(except: description.inheritedDescriptors)
      return status(of: Machine.run(description) { exit(status(of: $0)) })
    } catch {
      say("\(error)")
      return error.status.code
    }
  }

  /// Reads the description from the descriptor that the caller left open.
  private static func description(_ arguments: [String]) throws(Diagnostic) -> MachineDescription {
    guard arguments.count == 3, arguments[1] == "--description-fd", let number = Int32(arguments[2]),
      number > 2
    else {
      throw Diagnostic(
        .usage, "this program takes a machine description from a descriptor, --description-fd N",
        which: "", mend: "use `swiftlet boot`")
    }
    let bytes: [UInt8]
    do throws(SystemError) {
      let file = FileDescriptor(owning: number)
      try file.seek(to: 0)
      bytes = try file.contents(limit: descriptionLimit)
    } catch {
      throw Diagnostic(
        .monitorError, "cannot read the machine description", which: "descriptor \(number)",
        mend: error.reason)
    }
    return try MachineDescription(decoding: bytes)
  }

  /// Says why the machine ended.
  private static func status(of outcome: Outcome) -> Int32 {
    if !outcome.isSilent { say(outcome.line) }
    return outcome.status.code
  }

  private static func say(_ line: String) { standardError("swiftlet: \(line)\n") }
}
