import Configuration

/// Facts by name, in an order, told to a person as lines or to a program as JSON.
public struct Report: Sendable {
  public enum Value: Sendable, Equatable {
    case text(String)
    case number(UInt64)
    case address(UInt64)
    case truth(Bool)
    /// Addresses, from the first to the one behind the last.
    case range(Range<UInt64>)
    case list([String])
    case unknown
  }

  public private(set) var facts: [(name: String, value: Value)] = []

  public init() {}

  public mutating func add(_ name: String, _ value: Value) { facts.append((name, value)) }

  public subscript(name: String) -> Value? { facts.first { $0.name == name }?.value }

  /// A line for each fact, names in one column and values in the next.
  public var lines: String {
    let width = facts.map(\.name.count).max() ?? 0
    return facts.map { name, value in
      let padding = String(repeating: " ", count: width - name.count)
      return "\(name)\(padding)  \(Diagnostic.printable(Report.words(value)))\n"
    }.joined()
  }

  private static func words(_ value: Value) -> String {
    switch value {
    case .text(let text): text
    case .number(let number): "\(number)"
    case .address(let address): hexadecimal(address)
    case .range(let range): "\(hexadecimal(range.lowerBound))-\(hexadecimal(range.upperBound))"
    case .truth(let truth): truth ? "yes" : "no"
    case .list(let items): items.isEmpty ? "none" : items.joined(separator: ", ")
    case .unknown: "none"
    }
  }

  private static func hexadecimal(_ number: UInt64) -> String { "0x\(String(number, radix: 16))" }

  /// One JSON object (RFC 8259).
  public var json: String {
    let members = facts.map { "  \($0.name.quotedAsJSON): \(Report.json($0.value))" }
    return "{\n\(members.joined(separator: ",\n"))\n}\n"
  }

  private static func json(_ value: Value) -> String {
    switch value {
    case .text(let text): text.quotedAsJSON
    case .number(let number), .address(let number): "\(number)"
    case .truth(let truth): "\(truth)"
    case .range(let range): "{\"start\": \(range.lowerBound), \"end\": \(range.upperBound)}"
    case .list(let items): "[\(items.map(\.quotedAsJSON).joined(separator: ", "))]"
    case .unknown: "null"
    }
  }
}
