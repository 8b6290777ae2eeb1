/// The least that can be started, made here so that every contestant gets the same bytes and no compiler is needed.
package enum TrivialProgram {
  private static let programAddress: UInt64 = 0x40_0000
  private static let guestAddress: UInt64 = 0x10_0000
  private static let syscall: [UInt8] = [0x0F, 0x05]

  /// A static program that ends with status 0.
  package static let program = ELF.image(at: programAddress) { _ in exit(0) }

  /// How a Linux guest ends its machine, as reboot(2) is told.
  package enum Ending: UInt64, Sendable {
    /// What ends one in most monitors.
    case reset = 0x0123_4567
    /// For monitors that start a machine again where it resets.
    case powerOff = 0x4321_FEDC
  }

  /// A first process for Linux: has the program at `/true` run in a process of its own, waits for it, and ends the machine.
  package static func firstProcess(_ ending: Ending) -> [UInt8] {
    ELF.image(at: programAddress) { firstProcess(ending, at: $0) }
  }

  private static func firstProcess(_ ending: Ending, at start: UInt64) -> [UInt8] {
    let path = Array("/true".utf8) + [0, 0, 0]
    let child: (UInt64) -> [UInt8] = { data in
      // execve(path, [path, nil], nil)
      [0xBF] + word(data) + [0xBE] + word(data + UInt64(path.count)) + [0x31, 0xD2] + call(59) + exit(1)
    }
    // reboot(ending)
    let end =
      [0xBF] + word(0xFEE1_DEAD) + [0xBE] + word(0x2812_1969) + [0xBA] + word(ending.rawValue) + call(169)
    let parent =
      // push 0; wait4(-1, rsp, 0, nil); pop rax: the status. A program that has not ended with 0, as one that could not be
      // run, has nothing ended: the parent, like one whose end fails, turns in a circle behind that.
      [0x6A, 0x00, 0xBF] + word(0xFFFF_FFFF) + [0x48, 0x89, 0xE6, 0x31, 0xD2, 0x45, 0x31, 0xD2] + call(61)
      + [0x58, 0x85, 0xC0, 0x75, UInt8(end.count)] + end + [0xEB, 0xFE]
    // vfork(); the parent, which gets another result than 0, jumps over the child.
    let length = child(0).count
    let head = call(58) + [0x85, 0xC0, 0x75, UInt8(length)]
    let data = start + UInt64(head.count + length + parent.count)
    let argv = word(data) + [UInt8](repeating: 0, count: 12)
    return head + child(data) + parent + path + argv
  }

  /// A guest without an operating system, entered as Linux's ELF files or by PVH (its note says where, for QEMU): resets
  /// the machine by the keyboard controller, and where there is none by a triple fault.
  package static let bareGuest = ELF.image(at: guestAddress, hasPVHNote: true) { _ in
    // movb $0xFE, %al; outb %al, $0x64; ud2: the same in 32 and 64 bits.
    [0xB0, 0xFE, 0xE6, 0x64, 0x0F, 0x0B, 0xF4, 0xEB, 0xFD]
  }

  /// What the idle guest says before it sleeps.
  package static let idleWord = "idle"

  /// A guest without an operating system that says ``idleWord`` on the first serial port and then sleeps for good.
  package static let idleGuest = ELF.image(at: guestAddress) { _ in
    // movl $0x3F8, %edx; movb $letter, %al; outb %al, %dx for each; hlt, and again should that return.
    [0xBA, 0xF8, 0x03, 0, 0] + (idleWord + "\n").utf8.flatMap { [0xB0, $0, 0xEE] } + [0xF4, 0xEB, 0xFD]
  }

  /// An initial RAM disk (cpio, "newc") with the first process as `/init` and the program as `/true`.
  package static func initialRamdisk(_ ending: Ending) -> [UInt8] {
    var inode = 0
    func entry(_ name: String, _ mode: Int, _ contents: [UInt8]) -> [UInt8] {
      inode += 1
      let numbers = [inode, mode, 0, 0, 1, 0, contents.count, 0, 0, 0, 0, name.utf8.count + 1, 0]
      let header = "070701" + numbers.map { hexadecimal($0) }.joined()
      return padded(Array(header.utf8) + Array(name.utf8) + [0]) + padded(contents)
    }
    return entry("init", 0o100755, firstProcess(ending)) + entry("true", 0o100755, program)
      + entry("TRAILER!!!", 0, [])
  }

  private static func hexadecimal(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  private static func padded(_ bytes: [UInt8]) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
  }

  /// movl $number, %eax; syscall
  private static func call(_ number: UInt64) -> [UInt8] { [0xB8] + word(number) + syscall }

  /// movl $status, %edi; exit
  private static func exit(_ status: UInt64) -> [UInt8] { [0xBF] + word(status) + call(60) }

  private static func word(_ value: UInt64) -> [UInt8] { ELF.bytes(value, 4) }
}

/// An executable file of one segment (System V ABI, ELF-64).
private enum ELF {
  static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// - Parameter code: is given the address where it will be.
  static func image(at address: UInt64, hasPVHNote: Bool = false, code: (UInt64) -> [UInt8]) -> [UInt8] {
    let headers = UInt64(64 + 56 * (hasPVHNote ? 2 : 1))
    // XEN_ELFNOTE_PHYS32_ENTRY of "Xen": the address as 4 bytes.
    let noteLength: UInt64 = hasPVHNote ? 20 : 0
    let entry = address + headers + noteLength
    let note =
      hasPVHNote ? bytes(4, 4) + bytes(4, 4) + bytes(18, 4) + Array("Xen\0".utf8) + bytes(entry, 4) : []
    let body = code(entry)
    let length = headers + noteLength + UInt64(body.count)
    let identity: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    // ET_EXEC for EM_X86_64, version 1; no sections.
    let header =
      identity + bytes(2, 2) + bytes(62, 2) + bytes(1, 4) + bytes(entry, 8) + bytes(64, 8) + bytes(0, 8)
      + bytes(0, 4) + bytes(64, 2) + bytes(56, 2) + bytes(hasPVHNote ? 2 : 1, 2) + bytes(64, 2) + bytes(0, 4)
    // PT_LOAD, readable and executable, of the whole file; PT_NOTE.
    let load =
      bytes(1, 4) + bytes(5, 4) + bytes(0, 8) + bytes(address, 8) + bytes(address, 8) + bytes(length, 8)
      + bytes(length, 8) + bytes(4096, 8)
    let place = address + headers
    let noteHeader =
      bytes(4, 4) + bytes(4, 4) + bytes(headers, 8) + bytes(place, 8) + bytes(place, 8)
      + bytes(noteLength, 8) + bytes(noteLength, 8) + bytes(4, 8)
    return header + load + (hasPVHNote ? noteHeader : []) + note + body
  }
}
