import Foundation
import Testing

/// A terminal with a shell in it and a person who types: a tmux server of its own, gone with its owner.
///
/// The shell does job control and leaves the terminal's attributes alone: how they are is what programs made of them.
final class TerminalPane {
  private let folder: URL
  /// The path of the terminal.
  private(set) var path = ""
  private(set) var shell: pid_t = 0

  init(columns: Int = 80, rows: Int = 24) throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("swiftlet-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let size = ["-x", "\(columns)", "-y", "\(rows)"]
    let shell = ["env", "-u", "ENV", "PS1=host> ", "SWIFT_BACKTRACE=enable=no", "dash", "-i"]
    try tmux(["new-session", "-d"] + size + shell)
    path = try tmux(["display-message", "-p", "#{pane_tty}"]).trimmingCharacters(in: .newlines)
    self.shell = try #require(
      pid_t(try tmux(["display-message", "-p", "#{pane_pid}"]).trimmingCharacters(in: .newlines)))
    try wait(for: "host>")
  }

  deinit {
    close()
    try? FileManager.default.removeItem(at: folder)
  }

  /// Takes the terminal away, as closing its window does.
  func close() { _ = try? tmux(["kill-server"]) }

  /// Types text as it is.
  func type(_ text: String) throws { try tmux(["send-keys", "-l", text]) }

  /// Presses keys by their names: Enter, BSpace, C-c.
  func press(_ keys: String...) throws { try tmux(["send-keys"] + keys) }

  func enter(_ line: String) throws {
    try type(line)
    try press("Enter")
  }

  func resize(columns: Int, rows: Int) throws {
    try tmux(["resize-window", "-x", "\(columns)", "-y", "\(rows)"])
  }

  /// What stands on the screen and above it; lines that were wrapped are joined.
  func text() throws -> String { try tmux(["capture-pane", "-p", "-J", "-S", "-"]) }

  /// How the terminal is set, without its size.
  func attributes() throws -> String { try Self.output(of: "stty", ["-g", "-F", path]) }

  /// Waits until `text` stands somewhere, and fails the test when it never does.
  func wait(for text: String, at location: SourceLocation = #_sourceLocation) throws {
    try wait(until: "\"\(text)\" is there", at: location) { try self.text().contains(text) }
  }

  /// Waits until the condition holds, and fails the test when it never does.
  func wait(
    until what: String, at location: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
  ) throws {
    for _ in 0..<6000 {
      if try condition() { return }
      usleep(50_000)
    }
    let screen = (try? text()) ?? "no terminal"
    Issue.record("waited in vain until \(what); the terminal shows:\n\(screen)", sourceLocation: location)
    throw CancellationError()
  }

  /// The monitor that was started here; nil when there is none.
  func monitor() -> pid_t? { descendant(named: "swiftlet-vmm") }

  /// A process of this name that was started here; nil when there is none.
  func descendant(named name: String) -> pid_t? { Self.descendant(of: shell, named: name) }

  private static func descendant(of process: pid_t, named name: String) -> pid_t? {
    let list = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
    for child in (list ?? "").split(separator: " ").compactMap({ pid_t($0) }) {
      let command = try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)
      if command == name + "\n" { return child }
      if let found = descendant(of: child, named: name) { return found }
    }
    return nil
  }

  @discardableResult
  private func tmux(_ arguments: [String]) throws -> String {
    let socket = folder.appendingPathComponent("tmux").path
    return try Self.output(of: "tmux", ["-S", socket, "-f", "/dev/null"] + arguments)
  }

  /// Without the descriptors of other tests, which would wait for the server's end, and the signals that threads of
  /// tests block: tmux ends its server by one. (Not by Foundation's Process, which itself waits for the server.)
  private static let cleanly = """
    for file in /proc/$$/fd/*; do file=${file##*/}; [ "$file" -le 2 ] || eval "exec $file>&-"; done
    exec env -u TMUX --default-signal "$@" 2>&1
    """

  private static func output(of program: String, _ arguments: [String]) throws -> String {
    let words = ["bash", "-c", cleanly, "bash", program] + arguments
    let command = words.map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }
    let stream = try #require(popen("exec " + command.joined(separator: " "), "re"))
    var bytes: [UInt8] = []
    while case let byte = fgetc(stream), byte != EOF { bytes.append(UInt8(byte)) }
    let text = String(decoding: bytes, as: UTF8.self)
    guard pclose(stream) == 0 else { throw Failure(what: "\(program) \(arguments): \(text)") }
    return text
  }

  struct Failure: Error { let what: String }
}

/// Whether a process is there and has not ended.
func isAlive(_ process: pid_t) -> Bool { state(of: process).map { $0 != "Z" } ?? false }

/// The state letter of proc(5); nil when there is no such process.
func state(of process: pid_t) -> Character? {
  let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
  return line?.split(separator: ")").last?.drop { $0 == " " }.first
}
