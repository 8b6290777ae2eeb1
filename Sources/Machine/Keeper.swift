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

  /// Never returns: the process ends as the machine's does, which `machine` ends.
  /// - Parameter machine: makes and runs one, in its process; gets what is to be known of those before.
  func run(
    _ machine: @escaping @Sendable (KeeperLink, FrameRemainders, _ isFirst: Bool) -> Never
  ) throws(Diagnostic) -> Never {
    // Before the thread that forks, whose signals are those of a machine's end.
    let signals = try host("cannot watch signals") { () throws(SystemError) in
      try SignalDescriptor(
        Signal.ending + [Signal.childChanged, Signal.stop, Signal.continue, Signal.windowChanged])
    }
    var remainders: [UInt8]?
    while true {
      let left = remainders
      let child = try fork { [link] in
        machine(link, FrameRemainders(decoding: left ?? []), left == nil)
      }
      let end = try watch(child.process, signals)
      child.ended.arrive()
      child.thread.join()
      guard end == .exited(ExitStatus.guestReset.code), let left = try takeRemainders() else {
        ForkedProcess.end(as: end)
      }
      remainders = left
    }
  }

  /// A machine's process, and the thread it is a copy of.
  private struct Child: ~Copyable {
    let process: ForkedProcess
    let ended: Latch
    let thread: Thread
  }

  /// Splits the process on a thread of its own. Swift's library keeps a thread's number in the thread's own memory, for
  /// its locks, where a copy of a thread that has used one would find the number of another: this one has used none.
  /// The thread lives as long as the machine's process, whose parent it is in the eyes of the kernel.
  ///
  /// It waits until the calling thread, the only other one, has nothing left to do but wait for it: what that held
  /// otherwise, such as the lock of the heap, would be held in the copy for ever.
  private func fork(_ body: @escaping @Sendable () -> Never) throws(Diagnostic) -> Child {
    let hasJail = description.isolation.hasJail
    let result = Promise<Result<ForkedProcess, SystemError>>()
    let (isStill, ended) = (Latch(arrivals: 1), Latch(arrivals: 1))
    let keeper = hasJail ? ParentProcess(watching: ProcessLimits.ownIdentifier) : nil
    let thread = try host("cannot start the machine's process") { [link, mask] () throws(SystemError) in
      let kept = description.inheritedDescriptors + link.descriptors(restarts: description.reboot == .restart)
      return try Thread(name: "swiftlet-vmm") {
        isStill.wait()
        do throws(SystemError) {
          if let process = try ForkedProcess.fork(into: hasJail ? .all : []) {
            result.keep(.success(process))
            return ended.wait()
          }
        } catch { return result.keep(.failure(error)) }
        // Until it is known who it is, nothing can be opened.
        if hasJail { link.mayGoOn.waitUntilSignalled(orEndWith: keeper) }
        // Of the keeper's own, the copy has no use for any more.
        closeDescriptors(except: kept)
        mask.apply()
        body()
      }
    }
    do throws(SystemError) {
      isStill.arrive()
      let process = try result.wait().get()
      if hasJail {
        do throws(SystemError) { try process.mapIdentities() } catch {
          process.send(SIGKILL)
          _ = process.wait()
          throw error
        }
        link.mayGoOn.signal()
      }
      return Child(process: process, ended: ended, thread: thread)
    } catch {
      throw hasJail
        ? Jail.refusal(error)
        : Diagnostic(.hostResource, "cannot start the machine's process", which: "", mend: "\(error)")
    }
  }

  private func watch(
    _ process: ForkedProcess, _ signals: SignalDescriptor
  ) throws(Diagnostic) -> ForkedProcess.End {
    do throws(SystemError) {
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
        // After the signal to continue, which has thrown away those to stop that the machine has not read: it would
        // wish for them what was done already.
        link.mayGoOn.signal()
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
  /// Tells a machine's process that the keeper has done what it waits for.
  fileprivate let mayGoOn: EventDescriptor
  fileprivate let remainders: FileDescriptor

  fileprivate init(parent: ParentProcess?, hasTerminal: Bool) throws(SystemError) {
    stopWish = try EventDescriptor()
    mayGoOn = try EventDescriptor()
    remainders = try FileDescriptor(memoryFile: "remainders")
    self.parent = parent
    self.hasTerminal = hasTerminal
  }

  /// Those that the process of a machine uses.
  fileprivate func descriptors(restarts: Bool) -> [Int32] {
    var used = [stopWish.descriptor.raw, mayGoOn.descriptor.raw]
    if restarts { used.append(remainders.raw) }
    if let parent { used.append(parent.descriptor.raw) }
    return used
  }

  /// Has both processes stopped. Returns when a person has continued them.
  func stopBoth() {
    stopWish.signal()
    // The end of the keeper is the end of this process, without a word of it.
    mayGoOn.waitUntilSignalled(orEndWith: nil)
  }

  /// Ends the process, for the keeper to make the next machine.
  func restart(leaving left: FrameRemainders) -> Never {
    // Where it cannot be kept, the status alone is left.
    try? remainders.writeAll(left.encode())
    exit(ExitStatus.guestReset.code)
  }
}
