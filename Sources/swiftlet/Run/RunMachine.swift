import AgentProtocol
import Configuration
import Glibc
import Images
import LinuxSystem

/// How a run ended, for the person and for `--json`.
struct RunResult {
  var status: Int32
  /// What there is to say on standard error; nil where the status is the program's own.
  var complaint: String?
  var ending: Ending?
  /// Nanoseconds of CLOCK_MONOTONIC; nil where it did not come to that.
  var programStartedAt: UInt64?
  var programEndedAt: UInt64?
  var endedAt: UInt64 = 0
  /// Of the monitor with the guest's memory, in bytes.
  var peakMemory: UInt64 = 0
}

/// A machine for one program, from the request to its end, with nothing left behind.
struct RunMachine {
  /// Of the vsock, in the machine's folder; a guest's connection to host port n goes to the same with `_n` behind.
  static let socketName = "vsock"

  private let request: RunRequest
  private let image: RunnableImage
  /// The frame that asks for the program.
  private let start: [UInt8]
  private let signals: SignalDescriptor
  private let folder: RuntimeFolder
  private let state: MachineState
  private let mask: SignalMask
  private let log: MachineLog?
  private let whenStarted: () -> Void

  /// - Parameter whenStarted: called with the machine's name when its program is there.
  /// - Throws: what keeps it from being prepared.
  init(
    _ request: RunRequest, _ image: RunnableImage, whenStarted: @escaping (String) -> Void = { _ in }
  ) throws(Diagnostic) {
    self.request = request
    self.image = image
    let program = try request.program(of: image.config)
    start = try request.start(program)
    mask = SignalMask()
    do throws(SystemError) { signals = try RunSession.takingSignals() } catch {
      throw Diagnostic(.hostResource, "cannot watch signals", which: "", mend: "\(error)")
    }
    Signal.ignoreFailedWrites()
    let folder = try RuntimeFolder(name: request.name, in: RuntimeFolder.base(making: true))
    self.folder = folder
    log = try request.isDetached ? MachineLog(in: folder.path) : nil
    self.whenStarted = { whenStarted(folder.name) }
    // From the first moment it can be seen, and ended, by its name.
    state = MachineState(request, program)
    try state.write(to: folder.path)
  }

  /// Runs it to its end. Nothing is left behind, but of a machine that nobody watched why it failed.
  func run() throws(Diagnostic) -> RunResult {
    defer { folder.remove() }
    let result = try runToItsEnd()
    if let log, result.programStartedAt != nil, let complaint = result.complaint {
      log.append(Array("swiftlet: \(Diagnostic.printable(complaint))\n".utf8)[...], .errorOutput)
      var state = state
      state.failure = complaint
      folder.leave(state)
    }
    return result
  }

  private func runToItsEnd() throws(Diagnostic) -> RunResult {
    let opening = try frames()
    var boot = request.boot
    boot.initialRamdisk = try Agent.path()
    boot.disks.insert(try Disk(path: image.path, readOnly: true), at: 0)
    if let writable = request.writable { boot.disks.append(try writable.disk()) }
    boot.vsock = try VirtioSocket(path: folder.place(Self.socketName))
    let description = try boot.describe(startedAt: Program.startedAt)
    let listener: NamedListener
    do throws(SystemError) {
      listener = try NamedListener(path: folder.place("\(Self.socketName)_\(Wire.port)"))
    } catch {
      throw Diagnostic(
        .hostResource, "cannot make the machine's socket", which: folder.path, mend: "\(error)")
    }
    let voice: MonitorProcess.Voice =
      !isHeard ? .kept : request.hasTerminal || request.isDetached ? .relayed : .direct
    let monitor = try MonitorProcess(description, mask: mask, voice: voice)
    switch begin(listener, monitor) {
    case .connected(let socket, let early): return serve(socket, opening, early, monitor)
    case .stopped(let signal):
      return result(.stopped(signal: signal), of: monitor.finish(by: SIGKILL, heeding: signals))
    case .monitorEnded: return result(.lost, of: monitor.finish(by: nil, heeding: signals))
    }
  }

  private var isHeard: Bool { request.boot.verbose || request.boot.timeline }

  private func frames() throws(Diagnostic) -> [UInt8] {
    var setup = request.setup
    setup.root = image.format == .erofs ? .erofs : .ext4
    guard let first = setup.encoded() else {
      throw Diagnostic(
        .usage, "too much to mount", which: request.image,
        mend: "give 255 volumes and tmpfs, or shorter paths")
    }
    return first + start
  }

  /// What a machine comes to before its program.
  private enum Beginning: ~Copyable {
    case connected(FileDescriptor, early: [Int32])
    case stopped(Int32)
    case monitorEnded
  }

  /// Waits until the guest's agent has called. Signals for the program are kept.
  private func begin(_ listener: borrowing NamedListener, _ monitor: borrowing MonitorProcess) -> Beginning {
    var early: [Int32] = []
    let showsWait = !isHeard && Terminal.isTerminal(STDERR_FILENO)
    var isWaitShown = false
    defer { if isWaitShown { showProgress("") } }
    while true {
      var entries = [
        PollEntry(listener.descriptor.raw, reading: true), PollEntry(signals.descriptor.raw, reading: true),
        PollEntry(monitor.ended, reading: true), PollEntry(monitor.words?.descriptor ?? -1, reading: true),
      ]
      let limit: Int32 = showsWait && !isWaitShown ? 1000 : -1
      guard (try? PollEntry.wait(&entries, atMost: limit)) != nil else { return .stopped(SIGTERM) }
      if limit > 0, !entries.contains(where: \.isReadable) {
        showProgress("starting the machine")
        isWaitShown = true
      }
      if entries[3].isReadable { monitor.words?.listen() }
      while let signal = signals.next() {
        if RunSession.stops(signal) { return .stopped(signal == RunSession.powerLoss ? SIGKILL : signal) }
        if signal != SIGWINCH { early.append(signal) }
      }
      if let socket = (try? UnixSocket.accept(from: listener.descriptor)) ?? nil {
        return .connected(socket, early: early)
      }
      if entries[2].isReadable { return .monitorEnded }
    }
  }

  private func serve(
    _ socket: consuming FileDescriptor, _ opening: [UInt8], _ early: [Int32],
    _ monitor: consuming MonitorProcess
  ) -> RunResult {
    var end = SessionEnd.stopped(signal: SIGTERM)
    var (startedAt, endedAt, loss): (UInt64?, UInt64?, String?)
    do throws(SystemError) {
      var session = try RunSession(
        socket, opening: opening, early: early, signals: signals, request: request, log: log,
        words: monitor.words, whenStarted: whenStarted)
      end = try session.run()
      (startedAt, endedAt, loss) = (session.startedAt, Clock.monotonicNanoseconds(), session.loss)
    } catch { Program.warn("cannot wait for the program: \(error)") }
    // Where the connection was lost, the monitor ends by itself and says why.
    let signal = end == .lost ? nil : request.boot.timeline ? SIGTERM : SIGKILL
    var result = result(end, loss: loss, of: monitor.finish(by: signal, heeding: signals))
    (result.programStartedAt, result.programEndedAt) = (startedAt, endedAt)
    return result
  }

  private func result(
    _ end: SessionEnd, loss: String? = nil, of monitor: MonitorProcess.End
  ) -> RunResult {
    let (status, complaint) = RunStatus.explain(
      end, loss: loss, of: request, lost: RunStatus.explain(monitor, isHeard: isHeard))
    var result = RunResult(status: status, complaint: complaint)
    if case .ended(let ending) = end { result.ending = ending }
    result.peakMemory = monitor.peakMemory
    result.endedAt = Clock.monotonicNanoseconds()
    return result
  }
}
