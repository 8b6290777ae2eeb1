import Platform

/// What every device must do before a driver uses it.
func checkTransport(_ device: VirtioDevice) {
  let subject = Subject.device(device)
  Checks.expect(UInt64(device.read(Register.version)), is: 2, subject, "version")
  checkStatus(device, subject)
  checkFeatures(device, subject)
  checkQueueRegisters(device, subject)

  let generation = device.read(Register.configGeneration)
  _ = device.read(Register.config)
  Checks.expect(
    UInt64(device.read(Register.configGeneration)), is: UInt64(generation), subject,
    "config-generation-stable")
  device.write(Register.sharedMemorySel, 0)
  Checks.expect(
    UInt64(device.read(Register.sharedMemoryLenLow)), is: 0xffff_ffff, subject, "no-shared-memory")
}

private func checkStatus(_ device: VirtioDevice, _ subject: Subject) {
  Checks.expect(device.reset(), subject, "reset", "status does not become 0")
  device.write(Register.status, Status.acknowledge)
  Checks.expect(UInt64(device.read(Register.status)), is: 1, subject, "status-acknowledge")
  device.write(Register.status, Status.acknowledge | Status.driver)
  Checks.expect(UInt64(device.read(Register.status)), is: 3, subject, "status-driver")
}

private func checkFeatures(_ device: VirtioDevice, _ subject: Subject) {
  let offered = device.features
  Checks.expect(offered & Feature.version1 != 0, subject, "offers-version-1", "bit 32 is clear")

  // Bits 50 to 127 are reserved: a device that accepts one of them accepts anything.
  _ = device.reset()
  device.write(Register.status, Status.acknowledge | Status.driver)
  device.accept(features: offered & Feature.version1 | 1 << 55)
  device.write(Register.status, Status.acknowledge | Status.driver | Status.featuresOK)
  let refused = device.read(Register.status) & Status.featuresOK == 0
  Checks.expect(refused, subject, "refuses-unknown-feature", "FEATURES_OK stays set")
  Checks.expect(
    device.negotiate(usableFeatures) != nil, subject, "features-ok", "FEATURES_OK does not stay set")
}

private func checkQueueRegisters(_ device: VirtioDevice, _ subject: Subject) {
  device.write(Register.queueSel, 0)
  let largest = device.read(Register.queueNumMax)
  Checks.expect(
    largest > 0 && largest <= 32768 && largest & (largest &- 1) == 0, subject, "queue-size", "no power of two"
  )
  device.write(Register.queueSel, 4096)
  Checks.expect(UInt64(device.read(Register.queueNumMax)), is: 0, subject, "no-such-queue")

  Arena.scope {
    let queue = VirtioQueue(0, size: 4, features: 0)
    Checks.expect(device.attach(queue), subject, "queue-ready", "does not read back as 1")
    _ = device.reset()
    device.write(Register.queueSel, 0)
    Checks.expect(UInt64(device.read(Register.queueReady)), is: 0, subject, "reset-clears-queue-ready")
  }
}

/// One request, begun in `queue` by the caller, must raise the window's interrupt; acknowledging ends it.
func checkInterrupt(_ device: VirtioDevice, _ queue: inout VirtioQueue) {
  let subject = Subject.device(device)
  let line = Interrupts.line(ofWindow: device.window)
  device.write(Register.interruptACK, device.read(Register.interruptStatus))
  Interrupts.route(line)
  queue.requestInterrupt()
  let before = interrupts_taken()
  interrupts_on()
  let done = queue.complete(device) != nil
  let interrupted = done && Patience.wait { interrupts_taken() != before }
  interrupts_off()
  Checks.expect(interrupted, subject, "interrupt", done ? "none came" : "the request got stuck")
  Checks.expect(UInt64(device.read(Register.interruptStatus)), is: 1, subject, "interrupt-status")
  device.write(Register.interruptACK, 1)
  Checks.expect(UInt64(device.read(Register.interruptStatus)), is: 0, subject, "interrupt-acknowledged")
  Interrupts.mask(line)
}
