import Configuration
import Devices
import GuestMemory
import LinuxSystem
import Synchronization

/// A virtio device in its machine: what its transport asks on vCPU threads, done on the I/O thread.
final class AttachedDevice: VirtioQueueHost {
  private let mailbox: EventLoop.Mailbox
  private let device: LoopConfined<any VirtioDevice>
  private let queueCount: Int
  let identity: VirtioIdentity
  /// Which device it is, for messages: no other of the machine has the same.
  let name: String
  /// Bit n: queue n was notified and not yet processed.
  private let notified = Atomic<UInt64>(0)
  /// Signalled when a bit of ``notified`` is set while none was.
  private let kick: EventDescriptor
  private let control: MachineControl
  /// nil where nobody wants to know when it works.
  private let track: Trace.Track?

  /// What kind of device it is, in a word, for the timeline.
  private var kind: String { String(name.prefix { $0 != " " }) }

  /// - Parameters:
  ///   - device: has at most 64 queues.
  ///   - name: which one it is, for messages.
  init(
    _ device: sending any VirtioDevice, name: String, on mailbox: EventLoop.Mailbox, control: MachineControl
  ) throws(SystemError) {
    let kick = try EventDescriptor()
    let identity = device.identity
    queueCount = device.identity.queueSizes.count
    precondition(queueCount <= 64)
    self.device = LoopConfined(device, to: mailbox)
    self.mailbox = mailbox
    self.kick = kick
    self.identity = identity
    self.name = name
    self.control = control
    track = control.trace?.device(name)
  }

  /// Begins to serve kicks; once, before the guest runs.
  func start() {
    mailbox.post { [self] loop in
      do throws(SystemError) {
        let device = device.value(on: loop)
        // Kept alive by the loop, which drops it when it ends: the machine's own reference may go before.
        _ = try loop.register(kick.descriptor, .readable) { [self] _ in
          kick.drain()
          serve(device)
        }
        (device as? any SelfNotifying)?.queues = self
        try (device as? any LoopResident)?.begin(on: loop)
      } catch {
        control.end(Outcome(.monitorError, "\(error)"))
      }
    }
  }

  /// Has `body` called with the device on the I/O thread.
  func perform(_ body: @escaping @Sendable (any VirtioDevice) -> Void) {
    mailbox.post { [device] loop in body(device.value(on: loop)) }
  }

  func activate(_ activation: sending VirtioActivation) {
    control.mark("\(kind) ready", isRepeatable: true)
    mailbox.post { [device, self] loop in
      let device = device.value(on: loop)
      device.activate(activation)
      notified.bitwiseOr(UInt64.max >> UInt64(64 - queueCount), ordering: .acquiringAndReleasing)
      serve(device)
    }
  }

  func reset() {
    let done = Latch(arrivals: 1)
    let accepted = mailbox.post { [device] loop in
      device.value(on: loop).reset()
      done.arrive()
    }
    if accepted { done.wait() }
  }

  func notify(queue: Int) {
    guard (0..<queueCount).contains(queue) else { return }
    let before = notified.bitwiseOr(1 << UInt64(queue), ordering: .acquiringAndReleasing).oldValue
    if before == 0 { kick.signal() }
  }

  /// Processes every notified queue once; one that has more to do waits for the next turn of the loop.
  private func serve(_ device: any VirtioDevice) {
    let begin = track == nil ? 0 : Clock.monotonicNanoseconds()
    let queues = notified.exchange(0, ordering: .acquiringAndReleasing)
    defer { track?.add(.queues(queues), since: begin) }
    for queue in 0..<queueCount where queues & 1 << UInt64(queue) != 0 {
      if device.process(queue: queue) { notify(queue: queue) }
    }
  }
}
