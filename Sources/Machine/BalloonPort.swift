import Backends
import Configuration
import Devices
import LinuxSystem

/// The balloon joined to who changes its size while the guest runs, and to who wants to know of the guest's memory.
final class BalloonPort: LoopResident {
  private let description: Balloon
  /// The guest's RAM, in bytes.
  private let memory: UInt64
  private let control: MachineControl
  private let device: BalloonDevice
  /// Nil where the size stays as it is.
  private let orders: OrderPipe?
  private let questions: TimerDescriptor

  /// - Parameter memory: the guest's RAM, in bytes.
  init(_ description: Balloon, memory: UInt64, control: MachineControl) throws(Diagnostic) {
    self.description = description
    self.memory = memory
    self.control = control
    orders = try description.control.map { path throws(Diagnostic) in try BalloonPort.open(path) }
    questions = try host("cannot make a timer") { () throws(SystemError) in try TimerDescriptor() }
    var options: BalloonDevice.Options = []
    if description.deflatesOnOOM { options.insert(.deflatesOnOOM) }
    if description.reportsFreePages { options.insert(.reporting) }
    if description.statisticsInterval > 0 { options.insert(.statistics) }
    device = BalloonDevice(
      pages: BalloonPort.pages(description.amount), options: options,
      host: ReleasedMemory { control.note("balloon: the host does not take memory back: \($0)") })
  }

  private static func open(_ path: String) throws(Diagnostic) -> OrderPipe {
    do throws(SystemError) { return try OrderPipe(path: path) } catch {
      throw Diagnostic(.noInput, "cannot use the balloon control", which: path, mend: error.reason)
    }
  }

  private static func pages(_ bytes: UInt64) -> UInt32 { UInt32(clamping: bytes / BalloonDevice.pageSize) }

  var identity: VirtioIdentity { device.identity }
  func activate(_ activation: VirtioActivation) { device.activate(activation) }
  func process(queue: Int) -> Bool { device.process(queue: queue) }
  func reset() { device.reset() }

  func begin(on loop: EventLoop) throws(SystemError) {
    device.whenToldStatistics { [unowned self] in tell($0) }
    if let orders {
      _ = try loop.register(orders.descriptor, .readable) { [unowned self] _ in
        for line in orders.take() { obey(line) }
      }
    }
    guard description.statisticsInterval > 0 else { return }
    let interval = UInt64(description.statisticsInterval) * 1_000_000_000
    _ = try loop.register(questions.descriptor, .readable) { [unowned self] _ in
      questions.drain()
      device.requestStatistics()
    }
    questions.arm(after: interval, every: interval)
  }

  /// The line is a size as on the command line.
  private func obey(_ line: String) {
    do throws(Diagnostic) {
      let amount = try byteCount(line)
      try description.checkAmount(amount, memory: memory)
      device.targetPages = BalloonPort.pages(amount)
    } catch {
      control.note("balloon: \(error)")
    }
  }

  private func tell(_ statistics: BalloonStatistics) {
    let held = (UInt64(device.actualPages) * BalloonDevice.pageSize) >> 20
    let wanted = (UInt64(device.targetPages) * BalloonDevice.pageSize) >> 20
    let names: [(BalloonStatistics.Kind, String)] = [
      (.totalMemory, "in all"), (.freeMemory, "free"), (.availableMemory, "available"),
      (.diskCaches, "caches"),
    ]
    let rest = names.map { kind, name in statistics[kind].map { ", \($0 >> 20) MiB \(name)" } ?? "" }
    control.note("balloon: \(held) of \(wanted) MiB; the guest has \(rest.joined().dropFirst(2))")
  }
}
