import Backends
import Boot
import Configuration
import Confinement
import Devices
import GuestMemory
import HostProfile
import KVM
import LinuxSystem

/// Builds a machine in the order it boots. What fails is told in one line that names what to mend.
struct MachineBuilder {
  let description: MachineDescription
  let control: MachineControl
  let io: IOThread
  /// Of the machines before this one.
  let remainders: FrameRemainders
  /// nil where there is none.
  let jail: Jail?

  /// Everything that is ready to run, but for the kernel.
  struct Parts {
    let platform: Platform
    /// What KVM can show to the guest; asked for meanwhile on the I/O thread, which takes as long as the rest.
    let features: Promise<Result<CPUID, SystemError>>
    let devices: VirtioDevices
    let serial: SerialConsole?
  }

  func build(_ timeline: inout Timeline) throws(Diagnostic) -> Parts {
    let kvm = HostKVM(try openKVM())
    let features = Promise<Result<CPUID, SystemError>>()
    io.mailbox.post { _ in features.keep(kvm.supportedCPUID()) }
    let memory = try reserveMemory()
    let machine = try host("cannot make a virtual machine") { () throws(SystemError) in
      SharedMachine(try VirtualMachine(kvm.descriptor, memory: memory, pins: UInt64(IOAPIC.pinCount)))
    }
    let devices = try VirtioDevices(
      description, control: control, mailbox: io.mailbox, remainders: remainders, jail: jail)
    let serial = try makeSerialConsole()
    let interrupts = IOAPIC(sink: MessageSink(machine: machine), events: control)
    var ports = BusBuilder()
    var mmio = BusBuilder()
    do throws(BusError) {
      try insertPlatformDevices(&ports, &mmio, interrupts, serial)
      try insert(devices, &mmio, memory, interrupts)
    } catch {
      throw Diagnostic(.monitorError, "\(error)", which: "", mend: "")
    }
    let workarounds = HostWorkarounds.areNeeded ? HostWorkarounds() : nil
    try host("cannot make up for what KVM lacks on this host") { () throws(SystemError) in
      try workarounds?.prepare(machine.descriptor)
    }
    timeline.mark("machine made")
    let platform = Platform(
      machine: machine, memory: memory, ports: ports.build(), mmio: mmio.build(), control: control,
      workarounds: workarounds)
    control.trace?.know(ports: platform.ports, mmio: platform.mmio)
    return Parts(platform: platform, features: features, devices: devices, serial: serial)
  }

  private func openKVM() throws(Diagnostic) -> KVM {
    let kvm: KVM
    do throws(SystemError) { kvm = try KVM() } catch {
      if error.isShortage {
        throw Diagnostic(.hostResource, "cannot open KVM", which: KVM.path, mend: error.reason)
      }
      let mend = "\(error.reason); `swiftlet doctor` says how to mend it"
      throw Diagnostic(.noKVM, "cannot use KVM", which: KVM.path, mend: mend)
    }
    for (capability, name) in Capability.needed where kvm.check(capability) == 0 {
      throw Diagnostic(
        .noKVM, "this host's KVM lacks", which: name, mend: "`swiftlet doctor` lists all that is needed")
    }
    let most = kvm.check(.maximumVCPUs)
    guard description.cpus == 1 || description.cpus <= max(most, 1) else {
      throw Diagnostic(
        .hostResource, "this host's KVM does not give a machine so many processors",
        which: "\(description.cpus)", mend: "use at most \(most)")
    }
    return kvm
  }

  private func reserveMemory() throws(Diagnostic) -> GuestMemory {
    do throws(SystemError) { return try GuestMemory(size: description.memory) } catch {
      throw Diagnostic(
        .hostResource, "the host does not give the guest's memory", which: "\(description.memory >> 20) MiB",
        mend: "\(error.reason): give --memory a smaller size")
    }
  }

  /// The serial port shows what it is sent beside a virtio console too: there it is what early messages come through.
  private func makeSerialConsole() throws(Diagnostic) -> SerialConsole? {
    guard description.console != .none else { return nil }
    let line = try ConsoleLine.standard(input: description.console == .serial, control: control)
    return SerialConsole(line: line, on: io.mailbox)
  }

  private func insertPlatformDevices(
    _ ports: inout BusBuilder, _ mmio: inout BusBuilder, _ interrupts: IOAPIC, _ console: SerialConsole?
  ) throws(BusError) {
    let memory = description.memory
    if let line = interrupts.line(4) {
      let serial = Serial16550(host: console ?? UnconnectedSerial(tail: control.consoleTail), line: line)
      console?.begin(serial)
      try ports.insert(serial, at: 0x3F8, size: 8, name: "serial")
    }
    let keyboard = I8042(events: control)
    try ports.insert(keyboard, at: 0x60, size: 1, name: "i8042 data")
    try ports.insert(keyboard, at: 0x64, size: 1, name: "i8042 command", registerOffset: 4)
    let clock = CMOSClock(memorySize: memory) { Clock.realTimeSeconds() }
    try ports.insert(clock, at: 0x70, size: 2, name: "CMOS clock")
    try ports.insert(ResetControl(events: control), at: 0xCF9, size: 1, name: "reset control")
    try ports.insert(PowerControl(events: control), at: 0x600, size: 3, name: "power control")
    try ports.insert(BootTimer(events: control), at: 0x603, size: 1, name: "boot timer")
    try mmio.insert(
      PanicDevice(events: control), at: X86Layout.panicDevice, size: PanicDevice.size, name: "panic device")
    try mmio.insert(interrupts, at: X86Layout.ioAPIC, size: IOAPIC.size, name: "I/O APIC")
  }

  /// One window a device, in order.
  private func insert(
    _ devices: VirtioDevices, _ mmio: inout BusBuilder, _ memory: GuestMemory, _ interrupts: IOAPIC
  ) throws(BusError) {
    for (index, device) in devices.attached.enumerated() {
      guard let window = VirtioWindow(index: index), let line = interrupts.line(Int(window.interrupt)) else {
        continue
      }
      let transport = MMIOTransport(
        name: device.name, identity: device.identity, memory: memory, line: line, host: device,
        events: control)
      try mmio.insert(transport, at: window.address, size: MMIOTransport.size, name: device.name)
      device.start()
    }
  }

  /// Closes what the process has inherited, of which devices have copies: a keeper has the same for the next machine.
  func closeInherited() {
    for number in description.inheritedDescriptors { _ = FileDescriptor(owning: number) }
  }

  /// Fills the memory of a machine.
  func loadKernel(into parts: Parts) throws(Diagnostic) -> LoadedKernel {
    let memory = parts.platform.memory
    let windows = parts.devices.attached.indices.compactMap(VirtioWindow.init)
    let name = description.kernel.name
    let kernel: ImageFile
    switch description.kernel {
    case .path(let path): kernel = try ImageFile(path: path, what: "kernel", memory: memory)
    case .descriptor(let number, let name):
      let file = try host("cannot read the kernel") { () throws(SystemError) in
        try FileDescriptor(duplicating: number)
      }
      kernel = try ImageFile(file, what: "kernel", name: name, memory: memory)
    }
    let initrd = try description.initialRamdisk.map { path throws(Diagnostic) in
      try ImageFile(path: path, what: "initrd", memory: memory)
    }
    var commandLine = KernelCommandLine(description.commandLine)
    if PanicMark(commandLine: description.commandLine) != nil { commandLine.append(PanicMark.argument) }
    if HostWorkarounds.areNeeded {
      commandLine.append(HostWorkarounds.kernelArguments(multiprocessorKernel: description.cpus > 1))
    }
    let plan = BootPlan(
      cpuCount: description.cpus, virtio: windows, hasSerial: true,
      commandLine: commandLine, description: hardwareDescription,
      randomSeed: try randomSeed())
    do throws(BootError) {
      return try BootLoader.load(plan, kernel: kernel, initrd: initrd, into: memory)
    } catch {
      let which =
        switch error {
        case .initrd, .initrdTooLarge: description.initialRamdisk ?? name
        default: name
        }
      throw Diagnostic(.badInput, "cannot boot", which: which, mend: "\(error)")
    }
  }

  /// Spares the guest's kernel to gather entropy before it can serve random numbers.
  private func randomSeed() throws(Diagnostic) -> [UInt8] {
    try host("cannot read the host's random numbers") { () throws(SystemError) in
      try FileDescriptor(opening: "/dev/urandom", 0).read(upTo: 32)
    }
  }

  private var hardwareDescription: HardwareDescription {
    switch description.describe {
    case .auto, .mptable: .mpTable
    case .acpi: .acpi
    case .fdt: .deviceTree
    }
  }
}

/// Names what was being done when a system call failed.
func host<Result: ~Copyable>(
  _ what: String, _ body: () throws(SystemError) -> Result
) throws(Diagnostic) -> Result {
  do throws(SystemError) { return try body() } catch {
    let isFull = error.call == "pthread_create" && error.code == SystemError.tryAgain
    let mend = isFull ? ": allow it more tasks, by pids= of the control group or ulimit -u" : ""
    throw Diagnostic(.hostResource, what, which: "", mend: "\(error)\(mend)")
  }
}

/// /dev/kvm in a class, so that two threads can ask it at a time.
private final class HostKVM: Sendable {
  let descriptor: KVM
  init(_ descriptor: consuming KVM) { self.descriptor = descriptor }

  func supportedCPUID() -> Result<CPUID, SystemError> {
    do throws(SystemError) { return .success(try descriptor.supportedCPUID()) } catch {
      return .failure(error)
    }
  }
}

/// Messages of the I/O APIC go to the local APICs in the kernel.
private struct MessageSink: MessageInterruptSink {
  let machine: SharedMachine
  func signal(address: UInt64, data: UInt32) { machine.descriptor.signal(address: address, data: data) }
}
