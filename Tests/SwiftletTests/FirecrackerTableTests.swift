import Configuration
import Foundation
import Testing

@testable import swiftlet

/// The table of docs/FIRECRACKER.md against what a configuration file is read as.
struct FirecrackerTableTests {
  struct Row: CustomTestStringConvertible, Sendable {
    let key: String
    /// Nil where any value is taken; empty where none is.
    let values: [String]?
    var testDescription: String { key }
  }

  static let rows: [Row] = {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = package.appendingPathComponent("docs/FIRECRACKER.md")
    let text = (try? String(contentsOf: page, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      let quoted = cells[1].split(separator: "`", omittingEmptySubsequences: false).enumerated()
      let values = quoted.filter { $0.offset % 2 == 1 }.map { String($0.element) }
      return Row(
        key: cells[0].trimmingCharacters(in: ["`"]), values: cells[1] == "yes" ? nil : values)
    }
  }()

  /// Every section with the keys it must have, in an order that can be written again.
  private static let sections: [(name: String, isList: Bool, keys: [(String, String)])] = [
    ("boot-source", false, [("kernel_image_path", "\"k\"")]), ("machine-config", false, []),
    ("drives", true, [("drive_id", "\"a\""), ("path_on_host", "\"d\"")]),
    ("network-interfaces", true, [("iface_id", "\"a\""), ("host_dev_name", "\"t\"")]),
    ("vsock", false, [("guest_cid", "3"), ("uds_path", "\"v\"")]),
    ("balloon", false, [("amount_mib", "1"), ("deflate_on_oom", "true")]), ("entropy", false, []),
  ]

  /// A file with one key set to a value of its own.
  private static func file(_ key: String, _ value: String) -> String {
    let parts = key.split(separator: ".").map(String.init)
    var members = sections.map { name, isList, keys in
      var keys = keys
      if parts.count == 2, parts[0] == name {
        keys.removeAll { $0.0 == parts[1] }
        keys.append((parts[1], value))
      }
      let object = "{" + keys.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
      return "\"\(name)\": " + (isList ? "[\(object)]" : object)
    }
    if parts.count == 1 { members.append("\"\(key)\": \(value)") }
    return "{" + members.joined(separator: ", ") + "}"
  }

  /// Whether the key is refused for itself, and not for the value's kind.
  private func isRefused(_ key: String, _ value: String) -> Bool {
    var file = ConfigFile(Array(Self.file(key, value).utf8), path: "vm.json")
    do throws(Diagnostic) { _ = try file.request() } catch {
      let place = key.split(separator: ".").map(String.init)
      let listed = place.count == 2 ? ["\(place[0]).\(place[1])", "\(place[0])[0].\(place[1])"] : [key]
      return listed.contains { error.mend == "uses what is not supported: \($0); remove it" }
    }
    return false
  }

  @Test func theTableIsThere() { #expect(Self.rows.count > 30) }

  @Test(arguments: rows) func theTableIsWhatIsDone(_ row: Row) throws {
    let strange = "{\"strange\": 1}"
    #expect(isRefused(row.key, strange) == (row.values != nil))
    for value in row.values ?? [] {
      var file = ConfigFile(Array(Self.file(row.key, value).utf8), path: "vm.json")
      #expect(throws: Never.self) { try file.request() }
    }
    #expect(!isRefused(row.key, "null"))
  }
}
