import LinuxSystem

/// A device's configuration fields, read by vCPU threads and changed by the device (virtio 1.2, section 2.5).
public final class ConfigurationSpace: Sendable {
  private struct State {
    var bytes: [UInt8]
    var generation: UInt32 = 0
  }

  private let state: Lock<State>
  /// The fields that the driver writes, in bytes from the start.
  private let writable: Range<UInt64>

  public init(_ bytes: [UInt8], writable: Range<UInt64> = 0..<0) {
    state = Lock(State(bytes: bytes))
    self.writable = writable
  }

  /// Changes once for every change of the fields, so that a driver sees that it read halves of two states.
  var generation: UInt32 { state.withLock { $0.generation } }

  /// Little-endian; what lies beyond the fields reads 0.
  func read(offset: UInt64, width: AccessWidth) -> UInt64 {
    state.withLock { state in
      var value: UInt64 = 0
      for index in 0..<width.bytes {
        let (place, overflow) = offset.addingReportingOverflow(index)
        guard !overflow, place < UInt64(state.bytes.count) else { break }
        value |= UInt64(state.bytes[Int(place)]) << (8 &* index)
      }
      return value
    }
  }

  /// A driver's write, little-endian; of what is not a field for it to write, nothing is changed.
  func write(offset: UInt64, width: AccessWidth, value: UInt64) {
    state.withLock { state in
      for index in 0..<width.bytes {
        let (place, overflow) = offset.addingReportingOverflow(index)
        guard !overflow, writable.contains(place), place < UInt64(state.bytes.count) else { continue }
        state.bytes[Int(place)] = UInt8(truncatingIfNeeded: value >> (8 &* index))
      }
    }
  }

  /// Replaces the fields at `offset`, which must be there. The caller tells the driver by
  /// `VirtioInterrupt.configurationChanged`.
  func replace(_ bytes: [UInt8], at offset: Int = 0) {
    state.withLock { state in
      state.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      state.generation &+= 1
    }
  }
}

extension [UInt8] {
  /// Appends the bytes of `value`, least significant first.
  mutating func append(littleEndian value: some FixedWidthInteger & UnsignedInteger) {
    for shift in stride(from: 0, to: value.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}
