public import GuestMemory
import LinuxSystem

/// The register window of one virtio device (virtio 1.2, section 4.2, version 2).
///
/// What a driver may not write now is ignored and reported. Registers are 32 bits wide: any other access to them
/// reads 0 and writes nothing; the configuration space takes every width.
public final class MMIOTransport: BusDevice {
  /// Bytes of address space.
  public static let size: UInt64 = 0x1000
  private static let magic: UInt32 = 0x7472_6976  // "virt"
  private static let vendor: UInt32 = 0x544C_5753  // "SWLT"

  private let identity: VirtioIdentity
  private let memory: GuestMemory
  private let interrupt: VirtioInterrupt
  private let faults: VirtioFaults
  private let host: any VirtioQueueHost
  /// Held also while the host activates or resets the device, so that two vCPUs cannot do both at once.
  private let state: Lock<TransportState>

  /// - Parameter name: which device it is, for messages about its driver.
  public init(
    name: String, identity: VirtioIdentity, memory: GuestMemory, line: any InterruptLine,
    host: any VirtioQueueHost, events: any MachineEvents
  ) {
    self.identity = identity
    self.memory = memory
    self.host = host
    interrupt = VirtioInterrupt(line: line)
    faults = VirtioFaults(device: name, events: events, interrupt: interrupt)
    state = Lock(TransportState(queueCount: identity.queueSizes.count))
  }

  // MARK: Reading

  public func read(offset: UInt64, width: AccessWidth) -> UInt64 {
    if offset >= MMIORegister.configuration {
      return identity.configuration.read(offset: offset &- MMIORegister.configuration, width: width)
    }
    guard width == .double, let register = MMIORegister(rawValue: offset) else { return 0 }
    return UInt64(read(register))
  }

  private func read(_ register: MMIORegister) -> UInt32 {
    switch register {
    case .magicValue: Self.magic
    case .version: 2
    case .deviceID: identity.deviceID
    case .vendorID: Self.vendor
    case .deviceFeatures: state.withLock { identity.features.window($0.deviceFeaturesSelect) }
    case .queueSizeMax: state.withLock { UInt32(queueSizeMax($0)) }
    case .queueReady: state.withLock { $0.selectedQueue?.layout == nil ? 0 : 1 }
    case .interruptStatus: interrupt.status
    case .status: state.withLock { UInt32(visibleStatus($0).rawValue) }
    // There is no shared memory region: a length of -1 (4.2.2).
    case .sharedMemoryLengthLow, .sharedMemoryLengthHigh: UInt32.max
    case .sharedMemoryBaseLow, .sharedMemoryBaseHigh: UInt32.max
    case .configurationGeneration: identity.configuration.generation
    default: 0
    }
  }

  private func queueSizeMax(_ state: TransportState) -> UInt16 {
    state.selectedQueue == nil ? 0 : identity.queueSizes[Int(state.queueSelect)]
  }

  private func visibleStatus(_ state: TransportState) -> DeviceStatus {
    faults.needsReset ? state.status.union(.needsReset) : state.status
  }

  // MARK: Writing

  public func write(offset: UInt64, width: AccessWidth, value: UInt64) {
    if offset >= MMIORegister.configuration {
      return identity.configuration.write(
        offset: offset &- MMIORegister.configuration, width: width, value: value)
    }
    guard width == .double, let register = MMIORegister(rawValue: offset) else { return }
    let value = UInt32(truncatingIfNeeded: value)
    switch register {
    case .queueNotify: notify(value)
    case .interruptAcknowledge: interrupt.acknowledge(value)
    case .status: state.withLock { writeStatus(value, &$0) }
    case .queueReady: state.withLock { writeQueueReady(value, &$0) }
    default:
      if !state.withLock({ $0.write(register, value) }) { faults.report(.frozenRegister) }
    }
  }

  /// A notification before DRIVER_OK tells nothing: every queue is processed when the device is activated.
  private func notify(_ queue: UInt32) {
    guard state.withLock({ $0.status.contains(.driverOK) }) else { return }
    guard queue < UInt32(identity.queueSizes.count) else { return faults.report(.notifiedAbsentQueue) }
    host.notify(queue: Int(queue))
  }

  private func writeQueueReady(_ value: UInt32, _ state: inout TransportState) {
    guard let queue = state.selectedQueue else { return }
    if value == 0, queue.layout == nil { return }
    guard state.acceptsQueueSetup else { return faults.report(.frozenRegister) }
    guard value & 1 != 0 else {
      state.selectedQueue?.layout = nil
      return
    }
    if queue.layout != nil { return }
    do throws(DriverViolation) {
      let layout = try QueueLayout(
        size: queue.size, maximum: queueSizeMax(state), descriptors: queue.descriptors,
        available: queue.available, used: queue.used, in: memory)
      state.selectedQueue?.layout = layout
    } catch {
      faults.report(error)
    }
  }

  private func writeStatus(_ value: UInt32, _ state: inout TransportState) {
    if value == 0 { return reset(&state) }
    // DEVICE_NEEDS_RESET is the device's: a driver that adds a bit to what it read writes it back.
    let next = DeviceStatus(rawValue: UInt8(truncatingIfNeeded: value)).subtracting(.needsReset)
    if next == state.status, value <= 0xFF { return }
    guard value <= 0xFF, state.status.allows(next) else { return faults.report(.statusTransition) }
    let added = next.subtracting(state.status)
    if added.contains(.featuresOK) {
      let wanted = state.driverFeatures
      // Refused by leaving FEATURES_OK clear, which the driver reads back (3.1.1, step 6).
      guard identity.features.isSuperset(of: wanted), wanted.contains(.version1) else { return }
    }
    state.status = next
    if added.contains(.driverOK) { activate(state) }
  }

  private func activate(_ state: TransportState) {
    let queues = state.queues.map { queue in
      queue.layout.map { layout in
        VirtioQueue(
          layout: layout, features: state.driverFeatures, memory: memory, interrupt: interrupt,
          faults: faults)
      }
    }
    host.activate(
      VirtioActivation(
        features: state.driverFeatures, queues: queues, memory: memory, interrupt: interrupt))
  }

  private func reset(_ state: inout TransportState) {
    if state.status.contains(.driverOK) { host.reset() }
    state = TransportState(queueCount: identity.queueSizes.count)
    interrupt.acknowledge(UInt32.max)
    faults.clear()
  }
}
