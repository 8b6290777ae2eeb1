import CSeccomp

/// What a filter is asked: a system call of x86-64.
struct BPFCall {
  let number: UInt32
  let arguments: [UInt64]

  init(number: UInt32, _ arguments: [UInt64] = []) {
    self.number = number
    self.arguments = arguments + Array(repeating: 0, count: 6 - arguments.count)
  }

  /// The 32 bits at a byte offset of struct seccomp_data.
  fileprivate func load(_ offset: UInt32) -> UInt32 {
    switch offset {
    case 0: number
    case 4: 0xC000_003E
    case 16..<64:
      UInt32(truncatingIfNeeded: arguments[Int(offset - 16) / 8] >> (offset % 8 == 0 ? 0 : 32))
    default: 0
    }
  }
}

/// Runs filters as the kernel does, with the instructions that libseccomp uses.
enum BPFMachine {
  static let allow: UInt32 = 0x7FFF_0000
  static let trap: UInt32 = 0x0003_0000

  static func run(_ program: [UInt64], _ call: BPFCall) -> UInt32 {
    var (accumulator, next): (UInt32, Int) = (0, 0)
    while next < program.count {
      let word = program[next]
      let (yes, no) = (Int(word >> 16 & 0xFF), Int(word >> 24 & 0xFF))
      let operand = UInt32(word >> 32)
      next += 1
      switch UInt16(truncatingIfNeeded: word) {
      case 0x20: accumulator = call.load(operand)
      case 0x54: accumulator &= operand
      case 0x05: next += Int(operand)
      case 0x15: next += accumulator == operand ? yes : no
      case 0x25: next += accumulator > operand ? yes : no
      case 0x35: next += accumulator >= operand ? yes : no
      case 0x06: return operand
      default: fatalError("instruction \(String(word, radix: 16))")
      }
    }
    fatalError("a filter ended without an answer")
  }
}

enum SystemCallNumber {
  static func of(_ name: String) -> UInt32? { UInt32(exactly: seccomp_syscall_resolve_name(name)) }
}
