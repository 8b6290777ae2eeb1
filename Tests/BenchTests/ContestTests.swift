import Configuration
import Dispatch
import Foundation
import Glibc
import LinuxSystem
import Synchronization
import Testing

@testable import Bench

struct ContestTests {
  @Test func peersAreSplitAsShellsDo() throws {
    let peer = try NamedPeer(#"a b=prog  -x 'one two' "three \"3\"" fo\ ur '' {kernel},ro"#)
    #expect(peer.name == "a b")
    #expect(peer.words == ["prog", "-x", "one two", "three \"3\"", "fo ur", "", "{kernel},ro"])
    #expect(peer.command(["kernel": "/k", "x": "y"]).last == "/k,ro")
    #expect(try NamedPeer("x=a=b").words == ["a=b"])
    for text in ["", "a", "=b", "a=", "a=  ", "a='b", "a=\"b", "a=b\\"] {
      #expect(throws: Diagnostic.self, "\(text)") { try NamedPeer(text) }
    }
  }

  @Test func tablesAreInTheOrderOfTimesAndTellWhoIsMissing() {
    func contestant(_ name: String, _ median: Double) -> Contestant {
      var contestant = Contestant(name)
      contestant.series = [Series(Series.wall, .nanoseconds, [Double](repeating: median, count: 6))]
      return contestant
    }
    var broken = Contestant("broken")
    broken.failure = "status 1: no"
    var absent = Contestant("absent")
    absent.absence = "not in PATH"
    var slow = contestant("slow", 3e6)
    slow.isolation = "namespaces"
    let document = ResultDocument(.compare, Conditions(), [slow, broken, contestant("fast", 1e6), absent])
    let lines = document.text(base: "fast").split(separator: "\n")
    #expect(lines.dropLast(2).suffix(2).map { $0.prefix(4) } == ["fast", "slow"])
    #expect(lines.contains { $0.hasPrefix("slow  3.00  3.00 to 3.00        3.00  3.00 to 3.00") })
    #expect(lines.contains { $0.hasPrefix("fast  1.00  1.00 to 1.00        1.00             - ") })
    #expect(
      lines.dropLast(2).suffix(3).map { $0.split(separator: " ").last } == ["isolation", "-", "namespaces"])
    #expect(lines.suffix(2) == ["broken: fails: status 1: no", "absent: absent: not in PATH"])
  }

  /// As root of a process namespace it may ask for a reset or a power-off, which ends that by SIGHUP or SIGINT.
  @Test(
    .enabled(if: getuid() == 0 && Bench.Program.find("strace") != nil, "only root can, under strace"),
    arguments: [
      (TrivialProgram.Ending.reset, "LINUX_REBOOT_CMD_RESTART", 128 + SIGHUP),
      (.powerOff, "LINUX_REBOOT_CMD_POWER_OFF", 128 + SIGINT),
    ])
  func theFirstProcessRunsTheProgramAndEndsTheMachine(
    ending: TrivialProgram.Ending, command: String, status: Int32
  ) throws {
    let first = TrivialProgram.firstProcess(ending)
    let log = try shell(
      """
      cd $(mktemp -d); cp /dev/stdin all; head -c \(first.count) all > init
      tail -c \(TrivialProgram.program.count) all > true; chmod 755 init true
      strace -f -o log unshare --pid --fork chroot . /init; echo $?; cat log; rm -r "$PWD"
      """, input: first + TrivialProgram.program)
    let lines = log.split(separator: "\n")
    func place(_ words: String) throws -> Int {
      try #require(lines.firstIndex { $0.contains(words) }, "\(log)")
    }
    #expect(try place("execve(\"/true\", [\"/true\"]") < place("exited with 0"))
    #expect(try place("exited with 0") < place(command))
    #expect(lines.first == "\(status)")
  }

  /// Where the program is not there, or fails, the machine is not ended, as a good run's is.
  @Test(
    .enabled(if: getuid() == 0 && Bench.Program.find("strace") != nil, "only root can, under strace"),
    arguments: ["rm true", "printf '#!/init\n' > true; printf x > true"])
  func theFirstProcessEndsNothingWhereTheProgramFails(breaking: String) throws {
    let first = TrivialProgram.firstProcess(.reset)
    let log = try shell(
      """
      cd $(mktemp -d); cp /dev/stdin all; head -c \(first.count) all > init
      tail -c \(TrivialProgram.program.count) all > true; chmod 755 init true; \(breaking)
      timeout -s KILL 3 strace -f -o log unshare --pid --fork --kill-child chroot . /init
      cat log; rm -r "$PWD"
      """, input: first + TrivialProgram.program)
    #expect(log.contains("execve(\"/true\", [\"/true\"]") && log.contains("wait4("), "\(log)")
    #expect(!log.contains("LINUX_REBOOT_CMD_RESTART"), "\(log)")
  }

  private func shell(_ commands: String, input: [UInt8]) throws -> String {
    let file = try FileDescriptor(memoryFile: "input")
    try file.writeAll(input)
    try file.seek(to: 0)
    let job = Job(name: "sh", arguments: ["/bin/sh", "-c", commands])
    return try RunningJob(job, input: file.raw).finish(within: 60).output
  }

  @Test func aJobHasItsEnvironmentAndItsOwnProcessGroup() throws {
    var job = Job(
      name: "sh", arguments: ["/bin/sh", "-c", "echo $HOME $SWIFTLET_TEST; cut -d ' ' -f 1,5 /proc/$$/stat"])
    job.environment = ["HOME=/elsewhere", "SWIFTLET_TEST=a=b"]
    let lines = try job.run().output.split(separator: "\n")
    #expect(lines.first == "/elsewhere a=b")
    let numbers = lines.last?.split(separator: " ") ?? []
    #expect(numbers.count == 2 && numbers.first == numbers.last)
    #expect(getenv("SWIFTLET_TEST") == nil)
  }

  @Test func whatDoesNotEndInTimeIsToldWithItsFirstLine() throws {
    let job = Job(name: "sh", arguments: ["/bin/sh", "-c", "echo one >&2; echo two >&2; exec sleep 1000"])
    let running = try RunningJob(job)
    let process = running.identifier
    while !Bench.Program.file("/proc/\(process)/comm").hasPrefix("sleep") { usleep(1000) }
    var failure: Failure?
    do throws(Failure) { _ = try running.end(within: 0) } catch { failure = error }
    #expect(failure?.description == "sh does not end within 0 s: one")
    #expect(kill(process, 0) == -1)
  }

  /// A process is the child of the thread that made it.
  @Test func whatAnyThreadStartsIsFound() throws {
    let (started, found) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let identifier = Mutex<pid_t>(0)
    let thread = Thread {
      let job = Job(name: "sleep", arguments: ["/bin/sleep", "1000"])
      guard let running = try? RunningJob(job) else {
        started.signal()
        return
      }
      identifier.withLock { $0 = running.identifier }
      started.signal()
      found.wait()
      running.kill()
    }
    thread.start()
    started.wait()
    defer { found.signal() }
    let process = identifier.withLock { $0 }
    #expect(process > 0 && ProcessTree.descendants(of: getpid()).contains(process))
    var tree = ProcessTree()
    tree.look()
    #expect(tree.threads >= 1 && tree.memory > 0)
  }

  @Test func initialRamdisksHaveTheirEntriesAligned() {
    let bytes = TrivialProgram.initialRamdisk(.reset)
    #expect(bytes.count.isMultiple(of: 4))
    var place = 0
    var names: [String] = []
    while place < bytes.count {
      let header = String(decoding: bytes[place..<place + 110], as: UTF8.self)
      #expect(header.hasPrefix("070701"))
      func field(_ index: Int) -> Int {
        Int(header.dropFirst(6 + 8 * index).prefix(8), radix: 16) ?? -1
      }
      let (size, length) = (field(6), field(11))
      names.append(String(decoding: bytes[place + 110..<place + 110 + length - 1], as: UTF8.self))
      place = (place + 110 + length + 3) / 4 * 4
      if names.last == "true" { #expect(Array(bytes[place..<place + size]) == TrivialProgram.program) }
      place = (place + size + 3) / 4 * 4
    }
    #expect(names == ["init", "true", "TRAILER!!!"])
  }
}
