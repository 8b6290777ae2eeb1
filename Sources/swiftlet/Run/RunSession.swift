import AgentProtocol
import Configuration
import Glibc
import LinuxSystem

/// How a program in a machine ended, or why it could not be run.
enum SessionEnd: Equatable {
  case ended(Ending)
  case failed(Failure)
  /// The guest broke the protocol.
  case violation(ProtocolViolation)
  /// The connection ended before the program did.
  case lost
  /// The person wished the end.
  case stopped(signal: Int32)

  var isStop: Bool { if case .stopped = self { true } else { false } }
}

/// Joins a program in a machine with this process's standard files, signals and terminal, until it ends.
struct RunSession: ~Copyable {
  /// A second interrupt within this time, in nanoseconds, ends all.
  private static let insistence: UInt64 = 1_000_000_000
  /// Takes what is passed on to the program, and ``powerLoss``. What this process was started to ignore comes only from who
  /// means it by name, as `swiftlet kill` does.
  static func takingSignals() throws(SystemError) -> SignalDescriptor {
    let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, powerLoss]
    let heeded = Signal.heeded(signals)
    return try SignalDescriptor(signals, ignoring: signals.filter { !heeded.contains($0) })
  }

  /// What ends a machine at once, as it would a computer.
  static let powerLoss = SIGPWR

  /// Whether a signal ends a machine that has no program yet, or no longer. The others wait for one.
  static func stops(_ signal: Int32) -> Bool { [SIGINT, SIGTERM, SIGQUIT, powerLoss].contains(signal) }

  private let signals: SignalDescriptor
  private let hasTerminal: Bool
  /// Ours, where its keys are the program's.
  private var terminal: Terminal?
  private var escape = ConsoleEscape()
  /// Where the output goes instead of to the standard files.
  private let log: MachineLog?
  /// Of the machine's monitor, where this process has it.
  private let words: MonitorWords?
  private let whenStarted: () -> Void
  private var connection: AgentConnection
  private var input: InputStream
  private var output: OutputStream
  private var errors: OutputStream
  private var interruptedAt: UInt64?
  private var isInputEndTold = false
  private var isOpen = true
  private var end: SessionEnd?
  /// When the program was there, in nanoseconds of CLOCK_MONOTONIC.
  private(set) var startedAt: UInt64?
  /// Which output of the program could not be written, and why; nil also where its reader has gone.
  private(set) var loss: String?

  /// - Parameters:
  ///   - opening: the frames that ask for the program.
  ///   - early: signals that wait for the program.
  ///   - whenStarted: called when the program is there.
  init(
    _ socket: consuming FileDescriptor, opening: [UInt8], early: [Int32] = [], signals: SignalDescriptor,
    request: RunRequest, log: MachineLog? = nil, words: MonitorWords? = nil,
    whenStarted: @escaping () -> Void = {}
  ) throws(SystemError) {
    let input = try InputStream(isEmpty: !request.hasInput)
    let output = try OutputStream(STDOUT_FILENO)
    // With a log, standard error is about to be given up: nothing may hold on to it.
    let errors = try OutputStream(log == nil ? STDERR_FILENO : STDOUT_FILENO)
    connection = AgentConnection(socket)
    connection.send(opening)
    for signal in early { connection.send(.signal(UInt8(signal))) }
    self.signals = signals
    hasTerminal = request.hasTerminal
    terminal = request.hasTerminal && request.hasInput ? Terminal(STDIN_FILENO) : nil
    self.log = log
    self.words = words
    self.whenStarted = whenStarted
    self.input = input
    self.output = output
    self.errors = errors
  }

  /// Passes on until there is nothing more to pass on, and leaves the terminal as it was.
  mutating func run() throws(SystemError) -> SessionEnd {
    defer { terminal?.restore() }
    return try relay()
  }

  private mutating func relay() throws(SystemError) -> SessionEnd {
    while true {
      deliver()
      if let failure = output.news() { lose(.output, failure) }
      if let failure = errors.news() { lose(.errorOutput, failure) }
      connection.flush()
      // Whoever stops the machine does not wait for those who read its output.
      if let end, !isBusy || end.isStop { return end }
      // While output waits nothing is read, and a peer that has gone would be told again and again.
      let isAsked = end == nil && (!isBusy || connection.isSending && isOpen)
      var entries = [
        PollEntry(signals.descriptor.raw, reading: true),
        PollEntry(isAsked ? connection.socket.raw : -1, reading: !isBusy, writing: connection.isSending),
        PollEntry(inputRoom > 0 ? input.descriptor : -1, reading: true),
        PollEntry(output.descriptor, writing: true),
        PollEntry(errors.descriptor, writing: true),
        PollEntry(words?.descriptor ?? -1, reading: true),
      ]
      try PollEntry.wait(&entries)
      if entries[3].isWritable { output.flush() }
      if entries[4].isWritable { errors.flush() }
      if entries[5].isReadable { words?.listen() }
      if entries[0].isReadable { takeSignals() }
      if entries[2].isReadable { passInput() }
      if entries[1].isReadable, !isBusy { isOpen = connection.fill() }
    }
  }

  /// Nothing more is taken from the guest until what there is has been written.
  private var isBusy: Bool { output.isBusy || errors.isBusy }

  private mutating func deliver() {
    do throws(ProtocolViolation) {
      while end == nil, !isBusy {
        guard let message = try connection.next() else {
          if !isOpen { end = .lost }
          return
        }
        take(message)
      }
    } catch { end = .violation(error) }
  }

  private mutating func take(_ message: GuestMessage) {
    switch message {
    case .started:
      startedAt = Clock.monotonicNanoseconds()
      begin()
      whenStarted()
    case .output(let range): pass(connection.bytes(range), .output)
    case .errorOutput(let range): pass(connection.bytes(range), .errorOutput)
    case .inputTaken: break
    case .ended(let ending): end = .ended(ending)
    case .failed(let failure): end = .failed(failure)
    }
  }

  /// The keys are the program's from now on, and before they are those of the terminal.
  private mutating func begin() {
    guard hasTerminal else { return }
    if terminal?.makeRaw() == true {
      terminal?.keepWhenKilled()
      Signal.ignoreBackgroundOutput()
    }
    // It may have changed since it was asked for.
    connection.send(.resize(TerminalSize.now))
  }

  private mutating func pass(_ bytes: ArraySlice<UInt8>, _ kind: GuestKind) {
    if let log { return log.append(bytes, kind) }
    if kind == .output { output.put(bytes) } else { errors.put(bytes) }
  }

  /// The program finds its output closed, whatever the reason.
  private mutating func lose(_ kind: GuestKind, _ failure: SystemError) {
    connection.send(.outputClosed(kind))
    // As in a pipe, it is the program's affair what that means.
    guard ![EPIPE, ECONNRESET].contains(failure.code) else { return }
    let name = kind == .output ? "output" : "error"
    loss = "the program's output is lost: standard \(name): \(failure.reason)"
  }

  /// Bytes of input that may be read now: none for the one that ``escape`` may have kept.
  private var inputRoom: Int { connection.inputRoom - 1 }

  private mutating func passInput() {
    // A signal to pass on may have taken the room since it was asked for.
    guard inputRoom > 0, let bytes = input.read(upTo: inputRoom) else { return }
    guard bytes.isEmpty else { return passInput(bytes) }
    guard !isInputEndTold else { return }
    isInputEndTold = true
    connection.send(.inputEnd)
  }

  private mutating func passInput(_ bytes: [UInt8]) {
    guard terminal != nil else { return connection.sendInput(bytes) }
    let (forGuest, leave) = escape.filter(bytes)
    if leave { end = .stopped(signal: SIGKILL) }
    if !forGuest.isEmpty { connection.sendInput(forGuest) }
  }

  private mutating func takeSignals() {
    while let number = signals.next() {
      if number == SIGWINCH, hasTerminal {
        connection.send(.resize(TerminalSize.now))
        continue
      }
      if number == Self.powerLoss {
        end = .stopped(signal: SIGKILL)
        continue
      }
      let now = Clock.monotonicNanoseconds()
      let isInsisted = number == SIGINT && interruptedAt.map { now &- $0 < Self.insistence } ?? false
      // Also where the guest is gone already, and only output waits.
      if isInsisted || (startedAt == nil || end != nil) && Self.stops(number) {
        end = .stopped(signal: number)
      }
      if number == SIGINT { interruptedAt = now }
      connection.send(.signal(UInt8(number)))
    }
  }
}
