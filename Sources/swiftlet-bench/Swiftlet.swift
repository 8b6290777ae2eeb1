import Bench
import Configuration
import Digests
import FoundationEssentials
import Glibc
import LinuxSystem

/// The rest of Swiftlet, seen from the running program's own file.
struct Swiftlet {
  /// The program `swiftlet`.
  let program: String
  /// The monitor; nil where it is not found.
  let monitor: String?
  /// Where guests are, of this installation.
  let share: String

  /// - Throws: where it is not beside this program, in ../bin or in PATH.
  init() throws(Diagnostic) {
    let own = Bench.Program.target("/proc/self/exe") ?? ""
    let folder = String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
    let root = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
    let places = ["\(folder)/swiftlet", "\(root)/bin/swiftlet"]
    guard
      let program = places.lazy.compactMap({ Bench.Program.find($0) }).first ?? Bench.Program.find("swiftlet")
    else {
      throw Diagnostic(
        .monitorError, "cannot find swiftlet", which: "swiftlet",
        mend: "put it beside swiftlet-bench, or in PATH")
    }
    self.program = program
    let monitors = ["\(folder)/swiftlet-vmm", "\(root)/libexec/swiftlet-vmm", "swiftlet-vmm"]
    monitor = monitors.lazy.compactMap { Bench.Program.find($0) }.first
    share = "\(root)/share/swiftlet"
  }

  /// A guest of the installation, by its path below `share/swiftlet`.
  func guest(_ path: String) throws(Diagnostic) -> String {
    let file = "\(share)/\(path)"
    guard access(file, R_OK) == 0 else {
      throw Diagnostic(
        .noInput, "no guest", which: file, mend: "run make guests, or name a kernel by --kernel")
    }
    return file
  }

  var version: String {
    (try? Job(name: "swiftlet", arguments: [program, "--version"]).run().output)?.firstLine ?? ""
  }

  /// What the probes of this host's KVM found.
  func probes() -> [String: String] {
    struct Report: Decodable {
      struct Item: Decodable { let name, value: String }
      let items: [Item]
    }
    guard let run = try? Job(name: "doctor", arguments: [program, "doctor", "--json"]).attempt(within: 60),
      let report = try? JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
    else { return [:] }
    return Dictionary(report.items.map { ($0.name, $0.value) }) { first, _ in first }
  }
}

extension Conditions {
  /// What is known of this host and of Swiftlet before anything runs.
  init(_ swiftlet: Swiftlet, runs: Int, warmUps: Int) {
    self.init()
    self.swiftlet = swiftlet.version
    kvm = swiftlet.probes()
    command = ["swiftlet", "bench"] + CommandLine.arguments.dropFirst()
    (self.runs, self.warmUps) = (runs, warmUps)
  }

  mutating func describe(kernel path: String) {
    kernel = path
    guard let file = try? FileDescriptor(opening: path, O_RDONLY) else { return }
    var hash = SHA256()
    while let bytes = try? file.read(upTo: 1 << 20), !bytes.isEmpty { hash.update(bytes) }
    kernelSHA256 = hash.hexadecimal()
  }
}

extension String {
  var firstLine: String { split(separator: "\n").first.map(String.init) ?? "" }
}
