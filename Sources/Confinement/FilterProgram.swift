/// Puts parts of filters together into one, as a linker does with programs.
///
/// A part ends in one of two answers: the call is allowed, or nothing in the part allows it. The second becomes a jump to
/// the next part, and after the last one the trap that tells whose filter it was.
enum FilterProgram {
  /// An instruction of classic BPF (struct sock_filter).
  private struct Instruction {
    static let returns: UInt16 = 0x06
    static let jumps: UInt16 = 0x05
    static let jumpsIfEqual: UInt16 = 0x15

    let code: UInt16
    var operand: UInt32
    private let word: UInt64

    init(_ word: UInt64) {
      self.word = word
      code = UInt16(truncatingIfNeeded: word)
      operand = UInt32(truncatingIfNeeded: word >> 32)
    }

    init(jumpOver count: Int) { self.init(UInt64(count) << 32 | UInt64(Self.jumps)) }

    var encoded: UInt64 { word & 0xFFFF_FFFF | UInt64(operand) << 32 }
  }

  private static let trap: UInt32 = 0x0003_0000
  /// What stands for the process's own identifier in the table.
  private static let ownProcess: UInt32 = 0x7A5D_0001

  /// - Parameters:
  ///   - thread: told to who handles the trap.
  ///   - process: the identifier of the process, as it sees itself.
  static func link(_ parts: [[UInt64]], thread: UInt16, process: UInt32) -> [UInt64] {
    var program: [UInt64] = []
    program.reserveCapacity(parts.reduce(0) { $0 + $1.count })
    for (number, part) in parts.enumerated() {
      for (index, word) in part.enumerated() {
        var instruction = Instruction(word)
        if instruction.code == Instruction.returns, instruction.operand == trap {
          if number + 1 < parts.count {
            instruction = Instruction(jumpOver: part.count - index - 1)
          } else {
            instruction.operand = trap | UInt32(thread)
          }
        } else if instruction.code == Instruction.jumpsIfEqual, instruction.operand == ownProcess {
          instruction.operand = process
        }
        program.append(instruction.encoded)
      }
    }
    return program
  }
}
