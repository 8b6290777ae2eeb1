/// A virtio-mmio device's registers and interrupt (virtio 1.2, section 4.2).
public struct VirtioWindow: Equatable, Sendable {
  /// Length of every window, in bytes.
  public static let size: UInt64 = 0x1000
  /// The interrupts windows have, in order: those of ISA that nothing else claims, then the rest of the pins.
  public static let interrupts: [UInt8] = [5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]

  /// Guest-physical address of the first register.
  public let address: UInt64
  /// I/O APIC pin (GSI), edge triggered, active high.
  public let interrupt: UInt8

  /// The window of the device at `index`; nil past the last interrupt.
  public init?(index: Int) {
    guard VirtioWindow.interrupts.indices.contains(index) else { return nil }
    address = X86Layout.virtioWindows + UInt64(index) * VirtioWindow.size
    interrupt = VirtioWindow.interrupts[index]
  }
}

/// What a machine has and where it was placed: the one input of everything that describes it to the guest.
public struct MachineLayout: Equatable, Sendable {
  /// RAM, in ascending order of guest-physical address.
  public var memory: [Range<UInt64>]
  /// 1 to ``X86Layout/maximumCPUs``; processor n has APIC identifier n.
  public var cpuCount: Int
  public var virtio: [VirtioWindow]
  /// Whether there is a 16550 at its usual port.
  public var hasSerial: Bool
  public var kernel: Range<UInt64>
  public var initrd: Range<UInt64>?
  public var commandLine: String

  /// The stretches of RAM that the guest may use freely: all but its first page and the hole below 1 MiB.
  var usableMemory: [Range<UInt64>] {
    memory.flatMap { range in
      [X86Layout.lowMemory, X86Layout.highMemory..<UInt64.max].map { $0.clamped(to: range) }
    }.filter { !$0.isEmpty }
  }
}
