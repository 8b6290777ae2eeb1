/// One instruction in 64-bit mode, decoded as far as its operands (Intel SDM volume 2, chapter 2), of those
/// instructions that ``InstructionCompletion`` may meet.
struct X86Instruction: Equatable {
  /// Which table the opcode byte belongs to.
  enum Map: Equatable { case oneByte, escape0F, escape0F38 }

  enum Repeat: UInt8, Equatable { case none = 0, f2 = 0xF2, f3 = 0xF3 }

  enum Segment: Equatable { case flat, fs, gs }

  /// The operand that ModRM names by its mod and r/m fields.
  enum Operand: Equatable {
    case none
    case register(Int)
    case memory(MemoryOperand)
  }

  struct MemoryOperand: Equatable {
    var segment = Segment.flat
    /// General registers by number; nil where there is none.
    var base: Int?
    var index: Int?
    /// 1, 2, 4 or 8.
    var scale = 1
    var displacement: Int64 = 0
    /// Counts from the end of the instruction.
    var isInstructionRelative = false
    /// Cut to 32 bits by prefix 67.
    var is32Bit = false
  }

  var map = Map.oneByte
  var opcode: UInt8 = 0
  var operandSizePrefix = false
  var repeatPrefix = Repeat.none
  var isWide = false
  /// The reg field of ModRM with REX.R: a register's number, or part of the opcode in its low three bits.
  var reg = 0
  /// The whole ModRM byte; 0 where there is none.
  var modRM: UInt8 = 0
  var operand = Operand.none
  /// Bytes from the first prefix to the last byte.
  var length = 0

  /// The longest instruction there is.
  static let maximumLength = 15

  /// Bytes of a general operand: 8 by REX.W, 2 by prefix 66, else 4.
  var operandSize: Int { isWide ? 8 : operandSizePrefix ? 2 : 4 }

  /// - Returns: nil where the bytes end too soon or the opcode is not one of those known here.
  init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes: bytes)
    var segment = Segment.flat
    var is32Bit = false
    var next = reader.byte()
    prefixes: while let prefix = next {
      switch prefix {
      case 0x66: operandSizePrefix = true
      case 0x67: is32Bit = true
      case 0xF2: repeatPrefix = .f2
      case 0xF3: repeatPrefix = .f3
      case 0x64: segment = .fs
      case 0x65: segment = .gs
      // LOCK, and the segments that have no base in 64-bit mode.
      case 0xF0, 0x26, 0x2E, 0x36, 0x3E: break
      default: break prefixes
      }
      next = reader.byte()
    }
    var rex: UInt8 = 0
    if let byte = next, byte & 0xF0 == 0x40 {
      rex = byte
      next = reader.byte()
    }
    isWide = rex & 8 != 0
    guard let first = next, readOpcode(first, &reader) else { return nil }
    if X86Instruction.hasModRM(map, opcode) {
      guard let byte = reader.byte() else { return nil }
      modRM = byte
      reg = Int(byte >> 3 & 7) | (rex & 4 != 0 ? 8 : 0)
      guard readOperand(&reader, rex, segment, is32Bit) else { return nil }
    }
    length = reader.position
    guard length <= X86Instruction.maximumLength else { return nil }
  }

  private mutating func readOpcode(_ first: UInt8, _ reader: inout Reader) -> Bool {
    opcode = first
    guard first == 0x0F else { return first == 0xCC || first == 0x9B }
    guard let second = reader.byte() else { return false }
    (map, opcode) = (.escape0F, second)
    guard second == 0x38 else { return X86Instruction.hasModRM(.escape0F, second) }
    guard let third = reader.byte() else { return false }
    (map, opcode) = (.escape0F38, third)
    return true
  }

  private static func hasModRM(_ map: Map, _ opcode: UInt8) -> Bool {
    switch map {
    case .oneByte: false
    case .escape0F:
      switch opcode {
      // Group 7, prefetchw, hint no-operations, group 15, popcnt, tzcnt, lzcnt, group 9.
      case 0x01, 0x0D, 0x18...0x1F, 0xAE, 0xB8, 0xBC, 0xBD, 0xC7: true
      default: false
      }
    case .escape0F38: true
    }
  }

  private mutating func readOperand(
    _ reader: inout Reader, _ rex: UInt8, _ segment: Segment, _ is32Bit: Bool
  ) -> Bool {
    let (mod, rm) = (modRM >> 6, Int(modRM & 7))
    let baseExtension = rex & 1 != 0 ? 8 : 0
    guard mod != 3 else {
      operand = .register(rm | baseExtension)
      return true
    }
    var memory = MemoryOperand(segment: segment, is32Bit: is32Bit)
    var hasWideDisplacement = mod == 2
    if rm == 4 {
      guard let sib = reader.byte() else { return false }
      let index = Int(sib >> 3 & 7) | (rex & 2 != 0 ? 8 : 0)
      // Register 4, the stack pointer, cannot be an index.
      if index != 4 { (memory.index, memory.scale) = (index, 1 << Int(sib >> 6)) }
      if sib & 7 == 5, mod == 0 {
        hasWideDisplacement = true
      } else {
        memory.base = Int(sib & 7) | baseExtension
      }
    } else if rm == 5, mod == 0 {
      (memory.isInstructionRelative, hasWideDisplacement) = (true, true)
    } else {
      memory.base = rm | baseExtension
    }
    if mod == 1 {
      guard let byte = reader.byte() else { return false }
      memory.displacement = Int64(Int8(bitPattern: byte))
    } else if hasWideDisplacement {
      guard let value = reader.displacement() else { return false }
      memory.displacement = value
    }
    operand = .memory(memory)
    return true
  }

  private struct Reader {
    let bytes: [UInt8]
    var position = 0

    mutating func byte() -> UInt8? {
      guard position < bytes.count else { return nil }
      defer { position += 1 }
      return bytes[position]
    }

    mutating func displacement() -> Int64? {
      var value: UInt32 = 0
      for shift in 0..<4 {
        guard let byte = byte() else { return nil }
        value |= UInt32(byte) << (8 * shift)
      }
      return Int64(Int32(bitPattern: value))
    }
  }
}
