import Configuration
import Devices
import LinuxSystem
import Synchronization

/// The one place that decides that a machine ends, and why: the first reason given wins.
///
/// Devices, processors and the person's signals report here, from any thread; the main thread waits for ``wake``.
final class MachineControl: MachineEvents {
  /// Steps kept of what a guest can repeat, as many as there are marks; one that does it more often is not recorded further.
  private static let stepLimit = 256

  private static let guestOff = "guest off"

  private struct State {
    var outcome: Outcome?
    var workloadStatus: UInt8 = 0
    var steps: [Timeline.Step] = []
    /// Lines the person was told once and for all.
    var told: Set<String> = []
  }

  /// Signalled when the machine ends, and when a halted guest or the terminal must be looked at.
  let wake: EventDescriptor
  private let state = Lock(State())
  private let ending = Atomic(false)
  private let haltSuspected = Atomic(false)
  private let terminalSuspected = Atomic(false)
  private let report: @Sendable (String) -> Void
  /// What the guest wrote last.
  let consoleTail = ConsoleTail()
  /// nil where nobody wants to know.
  let counters: Counters?
  /// nil where nobody wants one.
  let trace: Trace?

  /// - Parameters:
  ///   - counters: what a step of the timeline notes besides the time; nil where nobody wants one.
  ///   - trace: what processors and devices tell what they do.
  ///   - report: takes one line for the person, for what is worth knowing and ends nothing.
  init(
    counters: Counters? = nil, trace: Trace? = nil, report: @escaping @Sendable (String) -> Void
  ) throws(SystemError) {
    wake = try EventDescriptor()
    self.counters = counters
    self.trace = trace
    self.report = report
  }

  /// Whether processors must stop; read after every exit.
  var isEnding: Bool { ending.load(ordering: .acquiring) }

  /// Why the machine ended; nil while it runs.
  var outcome: Outcome? { state.withLock { $0.outcome } }

  /// What the guest reached so far.
  var steps: [Timeline.Step] { state.withLock { $0.steps } }

  /// Notes that the guest has come to this, where a timeline is wanted. On the thread of a processor.
  /// - Parameter isRepeatable: whether the guest can do it any number of times.
  func mark(_ name: String, isRepeatable: Bool = false) {
    guard let counters else { return }
    let step = Timeline.Step(now: name, counts: counters.totals)
    state.withLock { state in
      if !isRepeatable || state.steps.count < MachineControl.stepLimit { state.steps.append(step) }
    }
  }

  func end(_ outcome: Outcome) {
    state.withLock { if $0.outcome == nil { $0.outcome = outcome } }
    ending.store(true, ordering: .releasing)
    wake.signal()
  }

  /// Whether a halted guest was suspected since the last call.
  func takeHaltSuspicion() -> Bool { haltSuspected.exchange(false, ordering: .acquiringAndReleasing) }

  /// The terminal gave no input where it should have: it has hung up, or other processes use it now.
  func suspectTerminal() {
    terminalSuspected.store(true, ordering: .releasing)
    wake.signal()
  }

  /// Whether the terminal was suspected since the last call.
  func takeTerminalSuspicion() -> Bool { terminalSuspected.exchange(false, ordering: .acquiringAndReleasing) }

  /// The guest switched itself off, with what its workload left as status.
  func endByPowerOff() {
    end(Outcome(.poweredOff(workload: state.withLock { $0.workloadStatus })))
  }

  /// Tells the person something that ends nothing.
  func note(_ line: String) { report(line) }

  /// As ``note(_:)``, and only the first of equal lines: of what goes on and on, or concerns several devices at once.
  func noteOnce(_ line: String) {
    if state.withLock({ $0.told.insert(line).inserted }) { report(line) }
  }

  func guestEvent(_ event: GuestEvent) {
    switch event {
    case .powerOff:
      mark(Self.guestOff)
      endByPowerOff()
    case .reset:
      mark(Self.guestOff)
      end(Outcome(.guestReset))
    case .panic:
      mark(Self.guestOff)
      end(Outcome(.guestPanic))
    case .crashKernelStarts: noteOnce("the guest's kernel panicked: its crash kernel starts")
    case .workloadStatus(let status): state.withLock { $0.workloadStatus = status }
    case .bootMark(let number): mark(Timeline.name(ofMark: number), isRepeatable: true)
    case .interruptControllerMasked:
      haltSuspected.store(true, ordering: .releasing)
      wake.signal()
    case .violation(let device, let violation):
      noteOnce("\(device): the guest's driver broke a rule of virtio: \(violation)")
    }
  }
}
