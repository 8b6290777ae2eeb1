import LinuxCalls

/// The monitor's ports, written through /dev/port.
struct Platform {
  enum Port {
    static let sleepControl = 0x600
    static let workloadStatus = 0x602
    static let bootTimer = 0x603
  }

  enum Mark {
    static let userSpace: UInt8 = 1
    static let workloadBegins: UInt8 = 2
    static let workloadEnded: UInt8 = 3
  }

  /// SLP_EN with sleep type 5 (ACPI 6.5, section 4.8.3.7).
  private static let softOff: UInt8 = 0x34

  /// The descriptor of /dev/port, negative where the kernel has none (CONFIG_DEVPORT).
  private let port: Int32

  /// Opens the ports, mounting /dev first where the kernel has not done so itself.
  init() {
    var result = Platform.open()
    if result == Int(-ENOENT), mount("devtmpfs", on: "/dev") {
      if sys_is_open(0) == 0 { Platform.openConsole() }
      result = Platform.open()
    }
    // A virtio console with several ports is set up by messages, which may be under way still.
    for _ in 0..<25 where sys_is_open(0) == 0 {
      sys_sleep(20)
      Platform.openConsole()
    }
    port = Int32(truncatingIfNeeded: result)
  }

  func mark(_ mark: UInt8) { write(mark, to: Port.bootTimer) }

  /// Ends the machine with `status` as the workload's.
  func powerOff(status: UInt8) -> Never {
    if port < 0 {
      Text.print {
        $0.add("init: no /dev/port in this kernel (CONFIG_DEVPORT): status ")
        $0.add(Int(status))
        $0.add(" cannot be handed to the host\n")
      }
    }
    write(status, to: Port.workloadStatus)
    write(Platform.softOff, to: Port.sleepControl)
    _ = sys_power_off()
    sys_exit(1)
  }

  private func write(_ value: UInt8, to address: Int) {
    guard port >= 0 else { return }
    withUnsafePointer(to: value) { _ = sys_pwrite(port, $0, 1, address) }
  }

  private static func open() -> Int { openFile("/dev/port", O_RDWR | O_CLOEXEC) }

  /// Makes /dev/console the standard files. The kernel starts init without any when it finds no console, else
  /// with one from its own first file system, whose name a program (ttyname) cannot find.
  static func openConsole() {
    let console = Int32(truncatingIfNeeded: openFile("/dev/console", O_RDWR))
    guard console >= 0 else { return }
    for file: Int32 in 0..<3 where file != console { _ = sys_dup2(console, file) }
    if console > 2 { _ = sys_close(console) }
  }
}
