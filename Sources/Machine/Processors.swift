import Configuration
import Devices
import KVM
import LinuxSystem

/// The threads of all virtual processors: started together, made to leave the guest together, joined together.
final class Processors {
  private let threads: ProcessorThreads
  private let stoppers: Lock<[VCPU.Stopper]>
  let halt: HaltDetector

  /// Starts one thread a processor. The first one enters the guest only after all others exist, so that its start-up
  /// messages find them.
  /// - Parameter prepare: brings a new processor, on its own thread, into its initial state.
  init(
    count: Int, platform: Platform,
    prepare: @escaping @Sendable (borrowing VCPU) throws(SystemError) -> Void
  ) throws(SystemError) {
    let stoppers = Lock<[VCPU.Stopper]>([])
    let halt = HaltDetector(processors: count, control: platform.control)
    let ready = Latch(arrivals: count)
    let threads = ProcessorThreads()
    self.stoppers = stoppers
    self.halt = halt
    self.threads = threads
    for index in 0..<count {
      try threads.start(name: "vcpu \(index)") {
        Processors.body(index, platform, halt, stoppers, ready, prepare)
      }
    }
  }

  private static func body(
    _ index: Int, _ platform: Platform, _ halt: HaltDetector, _ stoppers: Lock<[VCPU.Stopper]>,
    _ ready: Latch, _ prepare: (borrowing VCPU) throws(SystemError) -> Void
  ) {
    do throws(SystemError) {
      let vcpu = try platform.machine.descriptor.makeVCPU(index: index)
      let stopper = vcpu.stopper
      stoppers.withLock { $0.append(stopper) }
      platform.control.counters?.add(vcpu)
      let track = platform.control.trace?.processor(index)
      try prepare(vcpu)
      ready.arrive()
      ready.wait()
      RunLoop(platform: platform, halt: halt, track: track).run(vcpu)
    } catch {
      ready.arrive()
      platform.control.end(Outcome(error.isShortage ? .hostResource : .monitorError, "\(error)"))
    }
  }

  /// Makes every processor return from the guest once.
  func interrupt() {
    stoppers.withLock { for stopper in $0 { stopper.stop() } }
    threads.kick()
  }

  /// Ends all threads; the machine must be ending.
  func join() {
    interrupt()
    threads.join()
  }
}

/// Owners of threads cannot stand in an array, which copies: a list of them instead.
private final class ProcessorThreads {
  private final class Entry {
    var thread: Thread?
    init(_ thread: consuming Thread) { self.thread = consume thread }
  }
  private var entries: [Entry] = []

  func start(name: String, _ body: sending @escaping () -> Void) throws(SystemError) {
    entries.append(Entry(try Thread(name: name, body)))
  }

  func kick() {
    for entry in entries { entry.thread?.kick() }
  }

  func join() {
    for entry in entries {
      if let thread = entry.thread.take() { thread.join() }
    }
    entries.removeAll()
  }
}
