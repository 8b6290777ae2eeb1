import Backends
import Configuration
import Confinement
import Glibc
import LinuxSystem

/// The process that stays outside where a machine needs one of its own: to be made again after a reset, because walls
/// cannot be taken down; or to be the first of its namespace of processes.
///
/// It passes on the signals it gets, stops and goes on with the machine's process, and ends in the way that one does.
/// The machine has no memory in common with it: what it takes from there is an exit status, the wish to be stopped, and
/// bytes that it hands to the next machine unread.
struct Keeper {
  /// The most bytes that one machine can leave to the next.
  private static let remainderLimit = 8 << 20

  private let description: MachineDescription
  private let link: KeeperLink
  /// Of machines' processes at their start: what ends a machine waits until somebody looks for it. The first process of
  /// a namespace would never see it otherwise.
  private let mask = SignalMask(adding: Signal.ending)

  init(_ description: MachineDescription) throws(Diagnostic) {
    self.description = description
    mask.apply()
    let hasTerminal = description.console != .none && Terminal.isTerminal(0)
    link = try host("cannot watch the machine") { () throws(SystemError) in
      try KeeperLink(parent: hasTerminal ? ParentProcess() : nil, hasTerminal: hasTerminal)
    }
  }

  /// Returns in the processes of machines only, with what `machine` returns there.
  /// - Parameter machine: makes and runs one; gets what is to be known of those before.
  func run(_ machine: (KeeperLink, FrameRemainders, _ isFirst: Bool) -> Outcome) throws(Diagnostic) -> Outcome
  {
    var remainders: [UInt8]?
    while true {
      guard let process = try fork() else {
        mask.apply()
        let outcome = machine(
          link, FrameRemainders(decoding: remainders ?? []), remainders == nil)
        return outcome
      }
      let end = try watch(process)
      guard end == .exited(ExitStatus.guestReset.code), let left = try takeRemainders() else {
        ForkedProcess.end(as: end)
      }
      remainders = left
    }
  }

  private func fork() throws(Diagnostic) -> ForkedProcess? {
    guard description.isolation.hasJail else {
      return try host("cannot start the machine's process") { () throws(SystemError) in
        try ForkedProcess.fork()
      }
    }
    do throws(SystemError) {
      guard let process = try ForkedProcess.fork(into: .all) else {
        // Until it is known who it is, nothing can be opened.
        link.mayGoOn.waitUntilSignalled()
        return nil
      }
      do throws(SystemError) { try process.mapIdentities() } catch {
        process.send(SIGKILL)
        _ = process.wait()
        throw error
      }
      link.mayGoOn.signal()
      return process
    } catch { throw Jail.refusal(error) }
  }

  private func watch(_ process: ForkedProcess) throws(Diagnostic) -> ForkedProcess.End {
    do throws(SystemError) {
      let kept =
        Signal.ending + [
          Signal.childChanged, Signal.stop, Signal.continue, Signal.windowChanged,
        ]
      let signals = try SignalDescriptor(kept)
      let loop = try EventLoop()
      var end = process.end()
      _ = try loop.register(signals.descriptor, .readable) { [unowned loop] _ in
        while let signal = signals.nextRecord() {
          if signal.number == Signal.childChanged {
            end = end ?? process.end()
            if end != nil { loop.stop() }
          } else {
            pass(signal.number, isOfTerminal: signal.isOfTerminal, to: process)
          }
        }
      }
      _ = try loop.register(link.stopWish.descriptor, .readable) { _ in
        link.stopWish.drain()
        stop(process)
      }
      if end == nil { try loop.run() }
      return end ?? process.wait()
    } catch {
      process.send(SIGKILL)
      throw Diagnostic(.hostResource, "cannot watch the machine", which: "", mend: "\(error)")
    }
  }

  private func pass(_ signal: Int32, isOfTerminal: Bool, to process: ForkedProcess) {
    if signal == Signal.stop, !link.hasTerminal { return stop(process) }
    // What a key of the terminal makes, the machine's process gets as well.
    if isOfTerminal, [SIGINT, SIGQUIT, Signal.stop, Signal.windowChanged].contains(signal) { return }
    process.send(signal)
  }

  /// Stops both processes until the person continues this one.
  private func stop(_ process: ForkedProcess) {
    process.send(Signal.freeze)
    Signal.stopProcess()
    // The machine's process may have wished the same twice before it was stopped.
    link.stopWish.drain()
    process.send(Signal.continue)
  }

  /// What a machine has left for the next one; nil where it wants none.
  private func takeRemainders() throws(Diagnostic) -> [UInt8]? {
    guard description.reboot == .restart else { return nil }
    return try host("cannot start the machine again") { () throws(SystemError) in
      try link.remainders.seek(to: 0)
      let left = try link.remainders.contents(limit: Keeper.remainderLimit)
      try link.remainders.setLength(0)
      try link.remainders.seek(to: 0)
      return left.isEmpty ? nil : left
    }
  }
}

/// The keeper as a machine's process knows it.
final class KeeperLink: Sendable {
  /// The keeper's parent; nil where nobody wants to know.
  let parent: ParentProcess?
  let hasTerminal: Bool
  fileprivate let stopWish: EventDescriptor
  fileprivate let mayGoOn: EventDescriptor
  fileprivate let remainders: FileDescriptor

  fileprivate init(parent: ParentProcess?, hasTerminal: Bool) throws(SystemError) {
    stopWish = try EventDescriptor()
    mayGoOn = try EventDescriptor()
    remainders = try FileDescriptor(memoryFile: "remainders")
    self.parent = parent
    self.hasTerminal = hasTerminal
  }

  /// Has both processes stopped soon.
  func askToStop() { stopWish.signal() }

  /// Ends the process, for the keeper to make the next machine.
  func restart(leaving left: FrameRemainders) -> Never {
    // Where it cannot be kept, the status alone is left.
    try? remainders.writeAll(left.encode())
    exit(ExitStatus.guestReset.code)
  }
}
