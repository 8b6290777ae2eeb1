import Platform

/// What is done again and again, by its number on the command line. Kind k stands between the boot timer's marks 16 + 2 k
/// and 17 + 2 k.
enum Kind: UInt64 {
  /// A write to a port without a device: the cheapest round trip to the monitor.
  case port
  /// A read of the first virtio window's first register.
  case memory
  /// A call that KVM itself answers.
  case hypercall
  /// A write to a port that the monitor has an eventfd at.
  case event
  /// The same at a port whose eventfd somebody waits for who then raises line 20 of the IOAPIC, on which this guest sleeps.
  case interrupt

  private static let line: UInt32 = 20

  func measure(_ count: UInt64) {
    if self == .interrupt { Interrupts.route(Kind.line) }
    let first = 16 &+ 2 &* UInt8(truncatingIfNeeded: rawValue)
    BootTimer.mark(first)
    var left = count
    // A loop for each, so that what is between two of them is the same for all.
    switch self {
    case .port:
      while left > 0 {
        out8(0x80, 0)
        left &-= 1
      }
    case .memory:
      while left > 0 {
        _ = load32(0xd000_0000)
        left &-= 1
      }
    case .hypercall:
      let isOfAMD = has_hypercall_of_amd()
      while left > 0 {
        call_hypervisor(isOfAMD)
        left &-= 1
      }
    case .event:
      while left > 0 {
        out8(0x81, 0)
        left &-= 1
      }
    case .interrupt:
      while left > 0 {
        let taken = interrupts_taken()
        out8(0x82, 0)
        while interrupts_taken() == taken { wait_for_interrupt() }
        left &-= 1
      }
    }
    BootTimer.mark(first &+ 1)
  }
}

/// Does `n=` (20,000 unless told) of what `kind=` says, or without it of port writes and then of memory reads.
@c
func guest_main(commandLine: UnsafePointer<UInt8>?) -> UInt8 {
  machine_start()
  let words = CommandLine(text: commandLine)
  let count = words.number("n=") ?? 20_000
  guard let number = words.number("kind=") else {
    Kind.port.measure(count)
    Kind.memory.measure(count)
    Serial.write("exits: ")
    Serial.write(decimal: count)
    Serial.write(" port writes, ")
    Serial.write(decimal: count)
    Serial.write(" memory reads\n")
    return 0
  }
  guard let kind = Kind(rawValue: number) else { return 1 }
  kind.measure(count)
  return 0
}
