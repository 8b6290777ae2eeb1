import AgentProtocol
import Configuration
import Glibc
import Images
import KernelImages
import LinuxSystem

/// What is known of a machine that runs, in a file of its folder.
struct MachineState {
  static let fileName = "state.json"

  let image: String
  let command: [String]
  /// The process that a signal is sent to.
  let supervisor: Int32
  /// Seconds since 1970-01-01 00:00 UTC.
  let startedAt: UInt64
  let memory: UInt64
  let cpus: Int
  let networks: [String]
  let ports: [String]
  let volumes: [String]
  /// What further programs begin with: who the first one is, where, and with which variables.
  private(set) var program = ImageConfig()
  /// And with which limits.
  let limits: [StartRequest.Limit]
  /// Why it ended though its program had not; nil while it runs.
  var failure: String?

  /// - Parameter program: the machine's first.
  init(_ request: RunRequest, _ program: ImageConfig) {
    image = request.image
    command = (request.entrypoint.map { [$0] } ?? []) + request.command
    supervisor = getpid()
    startedAt = UInt64(max(Clock.realTimeSeconds(), 0))
    memory = request.boot.memory
    cpus = request.boot.cpus
    networks = request.boot.networks.map { network in
      if case .tap(let name) = network.host { "tap=\(name)" } else { "user" }
    }
    ports = request.boot.published.map(\.description)
    volumes = request.boot.shares.map { share in
      let target = request.setup.mounts.first { $0.source == share.tag }?.target ?? ""
      return "\(share.path):\(target):\(share.readOnly ? "ro" : "rw")"
    }
    self.program = program
    limits = request.limits
  }

  /// - Parameter folder: the machine's.
  init(in folder: String) throws(Diagnostic) {
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    guard let file = try? FileDescriptor(opening: "\(folder)/\(Self.fileName)", O_RDONLY),
      let bytes = try? file.contents(limit: 16 << 20),
      case .object(let facts)? = try? JSONValue(parsing: bytes)
    else {
      throw Diagnostic(.noInput, "the machine is still starting", which: name, mend: "try again")
    }
    func number(_ name: String) -> Double { if case .number(let number)? = facts[name] { number } else { 0 } }
    func texts(_ name: String) -> [String] {
      guard case .list(let values)? = facts[name] else { return [] }
      return values.map { if case .text(let text) = $0 { text } else { "" } }
    }
    func text(_ name: String) -> String? { if case .text(let text)? = facts[name] { text } else { nil } }
    image = text("image") ?? ""
    command = texts("command")
    supervisor = Int32(number("supervisor"))
    startedAt = UInt64(number("startedAt"))
    memory = UInt64(number("memoryBytes"))
    cpus = Int(number("cpus"))
    (networks, ports, volumes) = (texts("networks"), texts("ports"), texts("volumes"))
    program.environment = texts("environment")
    program.workingDirectory = text("workingDirectory") ?? ""
    program.user = text("user") ?? ""
    program.stopSignal = text("stopSignal")
    limits = texts("ulimits").compactMap { try? RunValue.limit($0) }
    failure = text("failure")
  }

  /// For a person or a program.
  func report(name: String?) -> Report {
    var report = Report()
    if let name { report.add("name", .text(name)) }
    report.add("image", .text(image))
    report.add("command", .list(command))
    report.add("supervisor", .number(UInt64(supervisor)))
    report.add("startedAt", .number(startedAt))
    report.add("memoryBytes", .number(memory))
    report.add("cpus", .number(UInt64(cpus)))
    report.add("networks", .list(networks))
    report.add("ports", .list(ports))
    report.add("volumes", .list(volumes))
    report.add("user", .text(program.user))
    report.add("workingDirectory", .text(program.workingDirectory))
    report.add("stopSignal", program.stopSignal.map { .text($0) } ?? .unknown)
    report.add("environment", .list(program.environment))
    report.add("ulimits", .list(limits.map(RunValue.text)))
    report.add("failure", failure.map { .text($0) } ?? .unknown)
    return report
  }

  /// Writes it into the machine's folder; who reads there sees all of it or nothing.
  func write(to folder: String) throws(Diagnostic) {
    let (path, unfinished) = ("\(folder)/\(Self.fileName)", "\(folder)/\(Self.fileName).new")
    do throws(SystemError) {
      try FileDescriptor(opening: unfinished, O_WRONLY | O_CREAT | O_TRUNC).writeAll(
        Array(report(name: nil).json.utf8))
      try FileDescriptor.rename(unfinished, to: path)
    } catch {
      throw Diagnostic(
        .hostResource, "cannot write what is known of the machine", which: path, mend: error.reason)
    }
  }
}
