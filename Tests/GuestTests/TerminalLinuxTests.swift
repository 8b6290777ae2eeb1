import Foundation
import Testing

/// Our Linux with a person at its console, and what it does at its end.
@Suite(.enabled(if: hasKVM && hasTerminalProgram, "/dev/kvm or tmux is not usable here"), .serialized)
struct TerminalLinuxTests {
  private static let root = "root=/dev/vda ro rootfstype=erofs init=/sbin/init"

  /// What `boot` needs to run a command as Linux's only workload.
  private func arguments(_ flavour: String, console: String = "hvc0", _ command: String) throws -> [String] {
    let kernel = try Built.folder("guest-kernels/linux/build", flavour) + "/vmlinux"
    let disk = try Built.folder("guest-kernels/rootfs/build") + "/root.erofs"
    return [
      "boot", "--kernel", kernel, "--disk", disk + ",ro", "--time-limit", "\(patience)", "--cmdline",
      "console=\(console) \(Self.root) -- \(command)",
    ]
  }

  /// With a port the console's size goes another way.
  @Test(arguments: runsLongTests ? [[], ["--port", "agent=/tmp/swiftlet-\(getpid()).port"]] : [[]])
  func aShellIsUsedInATerminal(options: [String]) throws {
    let pane = try TerminalPane(columns: 100, rows: 30)
    let sane = try pane.attributes()
    let program = Program.folder.appendingPathComponent("swiftlet").path
    let words = try (arguments("up", "/bin/sh") + options).map { "'\($0)'" }.joined(separator: " ")
    try pane.enter("\(program) \(words); echo ended=$?")
    try pane.wait(for: "/ # ")

    try pane.type("echo a''bx")
    try pane.press("BSpace")
    try pane.enter("c; stty size")
    try pane.wait(for: "\nabc\n30 100\n")

    try pane.resize(columns: 90, rows: 25)
    try pane.enter("until stty size | grep '^25 90$'; do :; done")
    try pane.wait(for: "\n25 90\n")

    // Said by who is to be interrupted: a shell that has not started it yet would keep the key to itself.
    try pane.enter("sh -c \"echo be''gin; exec sleep 1000\"; echo en''d")
    try pane.wait(for: "\nbegin\n")
    try pane.press("C-c")
    try pane.enter("echo status=$?")
    try pane.wait(for: "\nstatus=130\n")
    #expect(try !pane.text().contains("\nend\n"))

    // At its prompt the shell asks the terminal where it stands, and the answer might come between the two keys.
    try pane.enter("echo qui''et; exec sleep 1000")
    try pane.wait(for: "\nquiet\n")
    try pane.press("C-a")
    try pane.type("x")
    try pane.wait(for: "ended=84")
    #expect(try pane.attributes() == sane)
  }

  @Test func panicsWithAStatusOfItsOwn() throws {
    let result = try Program().run(
      arguments("up", "").map { $0.replacingOccurrences(of: "init=/sbin/init", with: "init=/nothing") },
      limit: patience + 100)
    #expect(result.output.contains("Kernel panic - not syncing"))
    // Its last words stand before the reason, since its console is another file.
    #expect(result.error.hasSuffix("\nswiftlet: the guest's kernel panicked\n"))
    #expect(result.error.contains("swiftlet: guest: "))
    #expect(result.status == 80)
  }

  /// Input that is there before the guest is, longer than the port's FIFO.
  @Test func readsAndWritesTheSerialPort() throws {
    let letters = String(repeating: "swift", count: 200)
    let result = try Program().run(
      ["boot", "--console", "serial"]
        + arguments("up", console: "ttyS0 8250.nr_uarts=1", "/bin/sh -c \"read line; echo ${#line}\"")
        .dropFirst(),
      input: letters + "\n", limit: patience + 100)
    #expect(result.output.contains("\n1000\r\n"))
    #expect(result.status == 0)
  }

  @Test(
    .enabled(if: runsLongTests, "takes minutes: `make test-long`"),
    arguments: ["mptable", "acpi", "fdt"], [("poweroff -f", Int32(0)), ("halt -f", 0), ("reboot -f", 81)])
  func endsAsItIsAskedInside(description: String, command: (line: String, status: Int32)) throws {
    for processors in ["1", "2"] {
      let result = try Program().run(
        arguments("smp", "/bin/sh -c \"\(command.line)\"")
          + ["--describe", description, "--cpus", processors], limit: patience + 100)
      #expect(result.status == command.status)
    }
  }
}
