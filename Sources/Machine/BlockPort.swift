import Backends
import Configuration
import Devices
import LinuxSystem

/// A disk joined to what it waits for on the host: transfers that go on, the rate that is allowed, a longer image.
final class BlockPort: LoopResident {
  private let store: DiskFile
  private let device: BlockDevice
  private let alarm: LoopAlarm?
  private let watch: ImageWatch?

  /// - Parameter queues: how many the driver may use.
  init(_ disk: Disk, queues: Int, control: MachineControl) throws(Diagnostic) {
    let options = DiskFile.Options(
      readOnly: disk.readOnly, serialNumber: disk.identifier ?? "", isDirect: disk.isDirect,
      usesRing: disk.usesRing)
    do throws(DiskError) {
      store = try DiskFile(path: disk.path, options) { control.note("disk \(disk.path): \($0)") }
    } catch {
      throw Diagnostic(.noInput, "cannot use the disk", which: disk.path, mend: "\(error)")
    }
    if disk.engine == .ioUring, let refusal = store.ringRefusal {
      control.note("disk \(disk.path): engine sync is used, io_uring is not to be had: \(refusal.reason)")
    }
    let (alarm, gate) = try host("cannot make a timer") { () throws(SystemError) in
      try RateGate.make(disk.rateLimit)
    }
    self.alarm = alarm
    watch = ImageWatch(store)
    device = BlockDevice(store: store, queues: min(queues, BlockDevice.queueLimit), gate: gate)
  }

  var identity: VirtioIdentity { device.identity }
  func activate(_ activation: VirtioActivation) { device.activate(activation) }
  func process(queue: Int) -> Bool { device.process(queue: queue) }
  func reset() { device.reset() }

  func begin(on loop: EventLoop) throws(SystemError) {
    _ = try loop.register(store.wake.descriptor, .readable) { [unowned self] _ in
      store.reap()
      device.publishFinished()
      resume()
    }
    try alarm?.begin(on: loop) { [unowned self] in resume() }
    try watch?.begin(on: loop) { [unowned self] in
      if store.updateLength() { device.lengthChanged() }
    }
  }

  /// Goes on with requests that had to wait; more than is done in one turn waits for the next.
  private func resume() {
    var hasMore = false
    for queue in identity.queueSizes.indices where device.process(queue: queue) { hasMore = true }
    if hasMore { store.wake.signal() }
  }
}

/// Sees that a disk's image may have changed its length.
private final class ImageWatch {
  private let watch: FileWatch

  init?(_ store: DiskFile) {
    guard let watch = store.makeWatch() else { return nil }
    self.watch = watch
  }

  func begin(on loop: EventLoop, _ handler: @escaping () -> Void) throws(SystemError) {
    _ = try loop.register(watch.descriptor, .readable) { [unowned self] _ in
      watch.drain()
      handler()
    }
  }
}
