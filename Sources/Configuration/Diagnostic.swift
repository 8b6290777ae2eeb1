/// What a person is told when something they gave cannot be used: one line that says what is wrong, which
/// file or value it is, and how to mend it, and the status the program ends with.
public struct Diagnostic: Error, Sendable, Equatable, CustomStringConvertible {
  public let status: ExitStatus
  public let what: String
  public let which: String
  public let mend: String

  public init(_ status: ExitStatus, _ what: String, which: String, mend: String) {
    self.status = status
    self.what = what
    self.which = which
    self.mend = mend
  }

  /// "what: which: how to mend it", on one line whatever the parts hold.
  public var description: String {
    let parts = [what, which, mend].filter { !$0.isEmpty }
    return Diagnostic.printable(parts.joined(separator: ": "))
  }

  /// `text` with each control character as `\u{..}`: what is quoted from a file or an argument can neither
  /// break the line nor drive the terminal.
  public static func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar.properties.generalCategory == .control {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
