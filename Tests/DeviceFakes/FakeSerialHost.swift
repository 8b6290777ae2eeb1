import Devices
import LinuxSystem

/// The outside of a serial port, with room for only so many bytes.
package final class FakeSerialHost: SerialHost {
  private struct State {
    var bytes: [UInt8] = []
    var room = Int.max
    var roomReports = 0
  }
  private let state = Lock(State())

  package init(room: Int = .max) { state.withLock { $0.room = room } }

  package var bytes: [UInt8] { state.withLock { $0.bytes } }
  package var text: String { String(decoding: bytes, as: UTF8.self) }
  package var roomReports: Int { state.withLock { $0.roomReports } }
  package func makeRoom(_ count: Int) { state.withLock { $0.room = count } }

  package func transmit(_ byte: UInt8) -> Bool {
    state.withLock { state in
      guard state.room > 0 else { return false }
      state.room -= 1
      state.bytes.append(byte)
      return true
    }
  }

  package func receiveRoom() { state.withLock { $0.roomReports += 1 } }
}
