import ArgumentParser
import Configuration
import FoundationEssentials
import Glibc
import HostProfile

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say what this host offers to virtual machines, and how to mend what is missing.",
    discussion: """
      Ends with status 0 if a guest can be booted, else with \(ExitStatus.noKVM.code).

      With --json: {"canBoot": true or false, "items": [{"name": text, "status": "ok", "notice" or "missing", \
      "value": text, "mend": text}, ...]}. "mend" is left out where there is nothing to mend; names do not \
      change between versions, values and advice may.
      """)

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let report = HostReport.make(mostProcessors: Limits.cpus.upperBound, and: [Doctor.passt, Doctor.monitor])
    try Output.write(json ? try Doctor.json(report) : Doctor.lines(report))
    if !report.canBoot { Glibc.exit(ExitStatus.noKVM.code) }
  }

  /// Whether there is what connects guests without a tap.
  private static var passt: HostReport.Item {
    let name = UserNetwork.program
    guard let path = Installation.program(name) else {
      return .init(name, .notice, "not found in PATH: no --net user", mend: UserNetwork.mend)
    }
    return .init(name, .ok, path)
  }

  /// Whether what runs a machine is installed.
  private static var monitor: HostReport.Item {
    do throws(Diagnostic) { return .init("monitor program", .ok, try Monitor.path()) } catch {
      return .init("monitor program", .missing, "\(error.which) is not found", mend: error.mend)
    }
  }

  private static func lines(_ report: HostReport) -> String {
    let width = report.items.map(\.name.count).max() ?? 0
    var text = ""
    for item in report.items {
      text += padded(item.status.rawValue, 9) + padded(item.name, width + 2) + item.value + "\n"
      if !item.mend.isEmpty { text += "         to mend: \(item.mend)\n" }
    }
    return text + (report.canBoot ? "This host can boot guests.\n" : "This host cannot boot guests.\n")
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private struct Document: Encodable {
    struct Item: Encodable {
      let name: String
      let status: String
      let value: String
      let mend: String?
    }
    let canBoot: Bool
    let items: [Item]
  }

  private static func json(_ report: HostReport) throws -> String {
    let items = report.items.map {
      Document.Item(
        name: $0.name, status: $0.status.rawValue, value: $0.value, mend: $0.mend.isEmpty ? nil : $0.mend)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(
      decoding: try encoder.encode(Document(canBoot: report.canBoot, items: items)), as: UTF8.self)
      + "\n"
  }
}
