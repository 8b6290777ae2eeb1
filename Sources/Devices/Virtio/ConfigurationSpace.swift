import LinuxSystem

/// A device's configuration fields, read by vCPU threads and changed by the device (virtio 1.2, section 2.5).
public final class ConfigurationSpace: Sendable {
  private struct State {
    var bytes: [UInt8]
    var generation: UInt32 = 0
  }

  private let state: Lock<State>

  public init(_ bytes: [UInt8]) { state = Lock(State(bytes: bytes)) }

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

  /// Replaces all fields. The caller tells the driver by `VirtioInterrupt.configurationChanged`.
  func replace(_ bytes: [UInt8]) {
    state.withLock { state in
      state.bytes = bytes
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
