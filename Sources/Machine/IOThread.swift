import Configuration
import LinuxSystem

/// The thread that owns every activated virtqueue and everything the guest's devices wait for on the host.
final class IOThread {
  /// Where others post work for the thread.
  let mailbox: EventLoop.Mailbox
  private var thread: Thread?

  /// - Parameter control: told where the loop itself fails.
  init(control: MachineControl) throws(SystemError) {
    let loop = try EventLoop()
    mailbox = loop.mailbox
    thread = try Thread(name: "io") {
      do throws(SystemError) {
        try loop.run()
      } catch {
        control.end(Outcome(.monitorError, "\(error)"))
      }
    }
  }

  /// Runs what was posted before, then ends the thread, if it has not ended.
  func join() {
    mailbox.post { $0.stop() }
    if let thread = thread.take() { thread.join() }
  }
}
