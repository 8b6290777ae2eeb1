import Platform

/// Features the drivers here can use, whatever the device.
let usableFeatures = Feature.indirectDesc | Feature.eventIndex

/// Drives every device found and checks what it does; the status is the number of failures.
@c
func guest_main(commandLine: UnsafePointer<UInt8>?) -> UInt8 {
  machine_start()
  var found = 0
  for window in 0..<VirtioDevice.windowCount {
    guard let device = VirtioDevice(window: window) else { continue }
    found += 1
    Arena.scope {
      checkTransport(device)
      switch device.kind {
      case .block: checkBlock(device)
      case .console: checkConsole(device, expectsInput: CommandLine(text: commandLine).number("input=") == 1)
      case .entropy: checkEntropy(device)
      default: break
      }
      Checks.expect(device.reset(), .device(device), "reset-at-the-end", "status does not become 0")
    }
  }
  Checks.expect(found > 0, .machine, "devices-found", "every window is empty")
  return Checks.status
}
