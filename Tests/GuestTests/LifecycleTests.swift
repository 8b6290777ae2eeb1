import Foundation
import Testing

/// How machines end, and with what status.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct LifecycleTests {
  private func run(_ code: [UInt8], _ arguments: String...) throws -> Program.Result {
    let guest = try LifecycleGuest(code)
    return try Program().run(["boot", "--kernel", guest.path] + arguments)
  }

  @Test(arguments: [LifecycleGuest.reset, LifecycleGuest.resetByChipset])
  func endsByAReset(way: [UInt8]) throws {
    let result = try run(LifecycleGuest.say("r") + way)
    #expect(result.output == "r")
    #expect(result.error == "swiftlet: the guest asked for a reset\n")
    #expect(result.status == 81)
  }

  @Test func startsAgainUntilTheTimeIsUp() throws {
    let result = try run(
      LifecycleGuest.say("r") + LifecycleGuest.reset, "--reboot", "restart", "--time-limit", "2")
    #expect(result.output.count > 1)
    #expect(result.output.allSatisfy { $0 == "r" })
    #expect(result.error == "swiftlet: the time limit passed\n")
    #expect(result.status == 82)
  }

  @Test func aTimelineOfALaterMachineBeginsWithIt() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("timelines-\(UUID())")
    defer { try? FileManager.default.removeItem(at: file) }
    let result = try run(
      LifecycleGuest.say("r") + LifecycleGuest.reset, "--reboot", "restart", "--time-limit", "2",
      "--timeline", "--json", file.path)
    let timelines = result.error.components(separatedBy: "swiftlet: timeline").dropFirst()
    let starts = timelines.map { $0.split(separator: "\n")[1].split(separator: " ") }
    try #require(starts.count > 1)
    #expect(starts.allSatisfy { $0.first == "0.000" })
    #expect(starts[0].suffix(2) == ["command", "started"])
    #expect(starts.dropFirst().allSatisfy { $0.suffix(2) == ["monitor", "started"] })
    let records = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    #expect(records.count == starts.count)
    #expect(records[0].contains("\"command done\"") && !records[1].contains("\"command done\""))
  }

  @Test(arguments: ["exit", "restart"]) func tellsAPanicFromAReset(action: String) throws {
    let panic = LifecycleGuest.wantWarmStart + LifecycleGuest.reset
    let result = try run(panic, "--reboot", action)
    #expect(result.error == "swiftlet: the guest's kernel panicked\n")
    #expect(result.status == 80)
  }

  private static let lastWords =
    Array("\u{1b}[1mKernel panic\r\n\nnot syncing").flatMap { LifecycleGuest.say($0) }
    + LifecycleGuest.wantWarmStart + LifecycleGuest.reset

  /// Where the console is not what standard error is, or is lost, the person sees there how the guest ended.
  @Test(arguments: ["", "--console none", "> /dev/full"]) func repeatsTheLastWordsOfAPanic(how: String) throws
  {
    let guest = try LifecycleGuest(Self.lastWords)
    let result = try Fixtures().run("$S boot --kernel \(guest.path) \(how)")
    #expect(result.status == 80)
    let lines = result.error.split(separator: "\n").filter { !$0.contains("output is lost") }
    #expect(
      lines == [
        "swiftlet: guest: \\u{1b}[1mKernel panic", "swiftlet: guest: not syncing",
        "swiftlet: the guest's kernel panicked",
      ])
  }

  @Test func doesNotRepeatWhatThePersonHasSeen() throws {
    let guest = try LifecycleGuest(Self.lastWords)
    let result = try Fixtures().run("$S boot --kernel \(guest.path) 2>&1")
    #expect(result.output.hasSuffix("not syncingswiftlet: the guest's kernel panicked\n"))
    #expect(!result.output.contains("guest: "))
  }

  /// Nobody has to be told of the size of a terminal that is no console.
  @Test(arguments: ["", "--jail"]) func aMachineWithoutAConsoleOutlivesAResizedTerminal(options: String)
    throws
  {
    let result = try Fixtures().run(
      """
      $S boot --console none \(options) --kernel \(try BareGuest.path("exits")) --append n=4000000000 \
        --time-limit 4 & machine=$!
      sleep 2; kill -WINCH $machine; wait $machine; echo status $?
      """)
    #expect(result.output == "status 82\n")
    #expect(result.error == "swiftlet: the time limit passed\n")
  }

  /// Of a long output the last lines that fit, none of them cut.
  @Test func repeatsOnlySoMuch() throws {
    let lines = (0..<300).map { "line \($0) " + String(repeating: "x", count: $0 % 50) + "\n" }.joined()
    // Each is `mov al, letter; out dx, al`.
    var code: [UInt8] = [0x66, 0xBA, 0xF8, 0x03]
    for letter in lines.utf8 { code += [0xB0, letter, 0xEE] }
    let result = try run(code + LifecycleGuest.wantWarmStart + LifecycleGuest.reset)
    let said = result.error.split(separator: "\n").dropLast().map { $0.dropFirst("swiftlet: guest: ".count) }
    #expect(said == lines.split(separator: "\n").suffix(24))
  }

  /// A kernel told to start warm after every reset says nothing of a panic by that.
  @Test func believesThePersonWhoSaysHowToReset() throws {
    let result = try run(LifecycleGuest.wantWarmStart + LifecycleGuest.reset, "--append", "reboot=warm")
    #expect(result.status == 81)
  }

  @Test func endsByATripleFault() throws {
    let result = try run(LifecycleGuest.fault)
    #expect(result.error.contains("triple fault"))
    #expect(result.status == 83)
  }

  @Test(arguments: [(SIGTERM, 143), (SIGINT, 130), (SIGHUP, 129), (SIGQUIT, 131)])
  func endsByASignal(signal: Int32, status: Int) throws {
    let result = try signalled(LifecycleGuest.say("s") + LifecycleGuest.spin, by: signal)
    #expect(result.output == "s")
    #expect(result.error == "swiftlet: ended by signal \(signal)\n")
    #expect(result.status == Int32(status))
  }

  /// The first takes over what a monitor has left that was killed; the second leaves it alone.
  @Test(arguments: ["--vsock socket", "--port a=socket"])
  func twoMachinesDoNotShareASocket(option: String) throws {
    let guest = try LifecycleGuest(LifecycleGuest.say("s") + LifecycleGuest.spin)
    let result = try Fixtures().run(
      """
      $S boot --kernel \(guest.path) \(option) > said & first=$!
      until [ -s said ]; do sleep 0.05; done
      $S boot --kernel hello \(option); echo status $?
      test -S socket && echo stays
      kill $first; wait $first
      test -e socket || echo removed
      """)
    #expect(result.output == "status 66\nstays\nremoved\n")
    let refusal = "socket: it is in use: end the machine that uses it, or name another path\n"
    #expect(result.error.contains(refusal), "\(result.error)")
    #expect(result.error.hasSuffix("swiftlet: ended by signal 15\n"))
  }

  /// Sends the signal when the guest has said something.
  private func signalled(_ code: [UInt8], by signal: Int32, _ arguments: String...) throws -> Program.Result {
    let guest = try LifecycleGuest(code)
    return try Program().run(["boot", "--kernel", guest.path] + arguments) { kill($0, signal) }
  }

  @Test func dropsWhatIsSaidWithoutAConsole() throws {
    let result = try run(
      LifecycleGuest.say("x") + LifecycleGuest.reset, "--console", "none")
    #expect(result.output == "")
    #expect(result.status == 81)
  }

  @Test func losesNothingThatWasSaidBeforeTheEnd() throws {
    let letters = (0..<40_000).map { Character(UnicodeScalar(UInt8(97 + $0 % 26))) }
    // Each is `mov al, letter; out dx, al`.
    var code: [UInt8] = [0x66, 0xBA, 0xF8, 0x03]
    for letter in letters { code += [0xB0, letter.asciiValue ?? 0, 0xEE] }
    let result = try run(code + LifecycleGuest.reset)
    #expect(result.output == String(letters))
  }
}
