import Backends
import Boot
public import Configuration
import Confinement
import KVM
import LinuxSystem

/// One virtual machine, from its description to why it ended.
public enum Machine {
  /// Builds and runs the machine; after a reset by the guest again, where the description says so.
  ///
  /// Takes over standard input and output, and signals of the process, until it ends. The signals that end a machine
  /// stay blocked. For a process with one thread: unless the description says otherwise, the process stays behind the
  /// machine's walls for good. Where the machine is to be made again, or has a jail, it is in a child process, and the
  /// caller's ends as the child does.
  /// - Parameter finish: ends the process that the machine was in; elsewhere the outcome is returned.
  public static func run(
    _ description: MachineDescription, finish: @escaping @Sendable (Outcome) -> Never
  ) -> Outcome {
    let deadline = description.timeLimit.map { Clock.monotonicNanoseconds() &+ $0 }
    do throws(Diagnostic) {
      if let group = description.isolation.controlGroup { try group.join() }
      guard description.reboot == .restart || description.isolation.hasJail else {
        return runOnce(
          description, startedAt: description.startedAt, until: deadline, FrameRemainders(),
          keeper: nil)
      }
      try Keeper(description).run { keeper, remainders, isFirst in
        let startedAt = isFirst ? description.startedAt : 0
        let outcome = runOnce(description, startedAt: startedAt, until: deadline, remainders, keeper: keeper)
        guard outcome.status == .guestReset, description.reboot == .restart else { finish(outcome) }
        if description.verbose { note("\(outcome.line): the machine starts again") }
        keeper.restart(leaving: remainders)
      }
    } catch {
      return Outcome(error)
    }
  }

  /// - Parameters:
  ///   - startedAt: when the command began that this machine is the first of; else 0.
  ///   - deadline: of all machines together. Both in nanoseconds of CLOCK_MONOTONIC.
  private static func runOnce(
    _ description: MachineDescription, startedAt: UInt64, until deadline: UInt64?,
    _ remainders: FrameRemainders, keeper: KeeperLink?
  ) -> Outcome {
    do throws(Diagnostic) {
      if description.isolation.isOn { Confinement.prepareProcess() }
      let jail = try Jail(for: description)
      let counters = Counters(for: description)
      let record = try Record(description.record)
      var timeline = Timeline(counting: counters?.names ?? [])
      if startedAt > 0 {
        timeline.mark("command started", at: startedAt)
        if let record = description.record { timeline.mark("command done", at: record.describedAt) }
      }
      timeline.mark("monitor started")
      let control = try host("cannot watch the machine") { () throws(SystemError) in
        try MachineControl(
          counters: counters,
          trace: try description.trace.map { number throws(SystemError) in
            Trace(to: try FileDescriptor(duplicating: number))
          }, report: note)
      }
      let events = try host("cannot watch signals") { () throws(SystemError) in
        try HostEvents(control: control, hasConsole: description.console != .none, keeper: keeper)
      }
      Thread.installKickHandler()
      let io = try host("cannot start the I/O thread") { () throws(SystemError) in
        try IOThread(control: control)
      }
      defer { io.join() }
      let builder = MachineBuilder(
        description: description, control: control, io: io, remainders: remainders, jail: jail)
      let outcome = try run(builder, events, until: deadline, &timeline)
      timeline.mark("machine ended", counts: counters?.totals ?? [])
      for step in control.steps { timeline.add(step) }
      if description.timeline { note(timeline.lines.joined(separator: "\n")) }
      if let error = record?.write(timeline.json(kernel: description.kernel.name, isAlone: keeper == nil)) {
        note("cannot write the timeline: \(error.reason)")
      }
      if let trace = control.trace {
        do throws(SystemError) {
          try trace.write(timeline, process: "swiftlet \(description.kernel.name)")
        } catch {
          throw Diagnostic(.inputOutput, "cannot write the trace", which: "", mend: error.reason)
        }
      }
      if outcome.status == .guestPanic {
        // What it wrote is with the I/O thread until that ends.
        io.join()
        for line in control.consoleTail.unseenLines { note("guest: \(line)") }
      }
      return outcome
    } catch {
      return Outcome(error)
    }
  }

  private static func run(
    _ builder: MachineBuilder, _ events: HostEvents, until deadline: UInt64?, _ timeline: inout Timeline
  ) throws(Diagnostic) -> Outcome {
    let (control, description) = (builder.control, builder.description)
    let parts = try builder.build(&timeline)
    let walls = try Walls(
      around: parts, of: description, builder.io, builder.jail, hasKeeper: events.hasKeeper)
    let kernel = Promise<InitialState?>()
    let processors = try start(parts, count: description.cpus, kernel, walls)
    defer {
      processors.join()
      parts.serial?.finish(unless: events.signals)
    }
    do throws(Diagnostic) {
      try host("cannot wait for the machine") { () throws(SystemError) in
        try events.prepare(until: deadline, console: parts.console) {
          processors.halt.ask()
          processors.interrupt()
        }
      }
      let state = try builder.loadKernel(into: parts).initialState
      timeline.mark("kernel loaded")
      builder.closeInherited()
      try walls?.enterMain()
      kernel.keep(state)
    } catch {
      control.end(Outcome(error))
      kernel.keep(nil)
    }
    if description.verbose, !control.isEnding { note(summary(of: description, on: parts)) }
    releaseUnusedProgram()
    try host("cannot wait for the machine") { () throws(SystemError) in try events.wait() }
    guard let outcome = control.outcome else {
      return Outcome(.monitorError, "the machine ended without a reason")
    }
    let panicMark = PanicMark(commandLine: description.commandLine)
    return panicMark?.explain(outcome, memory: parts.platform.memory) ?? outcome
  }

  @Sendable private static func note(_ line: String) { standardError("swiftlet: \(line)\n") }

  /// What runs, and how a person at a terminal leaves it.
  private static func summary(of description: MachineDescription, on parts: MachineBuilder.Parts) -> String {
    let host = parts.platform.workarounds == nil ? "" : ", with work-arounds for this host's KVM"
    let escape =
      parts.console != nil && Terminal.isTerminal(0) ? ". Ctrl-A x ends it, Ctrl-A a is Ctrl-A" : ""
    let processors = description.cpus == 1 ? "1 processor" : "\(description.cpus) processors"
    let memory = description.memory >> 20
    return Diagnostic.printable(
      "\(description.kernel.name) runs on \(processors) with \(memory) MiB\(host)\(escape)")
  }

  /// Starts the processors' threads, which make themselves ready while the kernel is loaded, and enter it then; with
  /// nil they end, where the machine has been ended before.
  private static func start(
    _ parts: MachineBuilder.Parts, count: Int, _ kernel: Promise<InitialState?>, _ walls: Walls?
  ) throws(Diagnostic) -> Processors {
    let features = parts.features
    return try host("cannot start the processors") { () throws(SystemError) in
      try Processors(count: count, platform: parts.platform) { vcpu throws(SystemError) in
        // While it has to wait.
        try walls?.enterProcessor(vcpu.index)
        let supported = try features.wait().get()
        try vcpu.setCPUID(CPUIDPolicy.table(supported, processor: vcpu.index, count: count))
        if vcpu.index == 0, let state = kernel.wait() { try state.apply(to: vcpu) }
      }
    }
  }
}

extension Counters {
  /// nil where no timeline is wanted.
  fileprivate convenience init?(for description: MachineDescription) {
    guard description.isTimed else { return nil }
    self.init(description.record == nil ? .instructions : .all)
  }
}

/// The file that a machine's timeline is written to, open before the machine's walls stand.
private struct Record: ~Copyable {
  private let file: FileDescriptor

  init?(_ record: MachineDescription.Record?) throws(Diagnostic) {
    guard let record else { return nil }
    file = try host("cannot keep the record open") { () throws(SystemError) in
      try FileDescriptor(duplicating: record.descriptor)
    }
  }

  /// - Returns: what kept it from being written.
  func write(_ text: String) -> SystemError? {
    do throws(SystemError) { try file.writeAll(Array(text.utf8)) } catch { return error }
    return nil
  }
}
