import Foundation

/// A guest of a few instructions, as an ELF file that is removed with its owner.
final class LifecycleGuest {
  /// mov word [0x472], 0x1234: the kind of start Linux leaves there for the firmware.
  static let wantWarmStart: [UInt8] = [0x66, 0xC7, 0x04, 0x25, 0x72, 0x04, 0x00, 0x00, 0x34, 0x12]
  /// mov al, 0xFE; out 0x64, al: the keyboard controller's reset line.
  static let reset: [UInt8] = [0xB0, 0xFE, 0xE6, 0x64]
  /// mov dx, 0xCF9; mov al, 6; out dx, al: the chipset's reset control register.
  static let resetByChipset: [UInt8] = [0x66, 0xBA, 0xF9, 0x0C, 0xB0, 0x06, 0xEE]
  /// ud2, without anything to handle it: a triple fault.
  static let fault: [UInt8] = [0x0F, 0x0B]
  /// jmp to itself.
  static let spin: [UInt8] = [0xEB, 0xFE]

  /// Until the upper half of the time stamp counter has changed twice, which takes 2³² to 2³³ of its ticks:
  /// rdtsc; mov ecx, edx; add ecx, 2; again: rdtsc; cmp edx, ecx; jb again
  static let wait: [UInt8] = [0x0F, 0x31, 0x89, 0xD1, 0x83, 0xC1, 0x02, 0x0F, 0x31, 0x39, 0xCA, 0x72, 0xFA]

  /// mov dx, 0x603; mov al, number; out dx, al: a mark of the boot timer.
  static func mark(_ number: UInt8) -> [UInt8] { [0x66, 0xBA, 0x03, 0x06, 0xB0, number, 0xEE] }

  /// mov dx, 0x3F8; mov al, byte; out dx, al: for the serial port.
  static func say(_ letter: Character) -> [UInt8] {
    [0x66, 0xBA, 0xF8, 0x03, 0xB0, letter.asciiValue ?? 0, 0xEE]
  }

  let path: String

  /// Runs `code` where the 64-bit Linux boot protocol enters a kernel.
  init(_ code: [UInt8]) throws {
    let name = "swiftlet-test-\(UUID().uuidString).elf"
    path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    let address: UInt64 = 0x10_0000
    let headers: UInt64 = 64 + 56
    var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    func put(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { file += $0 }
    }
    put(UInt16(2))  // an executable
    put(UInt16(62))  // for x86-64
    put(UInt32(1))
    put(address + headers)  // entry
    put(UInt64(64))  // program headers
    put(UInt64(0))
    put(UInt32(0))
    for value: UInt16 in [64, 56, 1, 0, 0, 0] { put(value) }
    put(UInt32(1))  // to be loaded
    put(UInt32(5))  // readable, executable
    for value in [0, address, address] { put(value) }
    for _ in 0..<2 { put(headers + UInt64(code.count)) }
    put(UInt64(0x1000))
    try Data(file + code).write(to: URL(fileURLWithPath: path))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
