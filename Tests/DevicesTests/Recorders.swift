import Devices
import LinuxSystem

/// Counts the edges of an interrupt line.
final class RecordingLine: InterruptLine {
  private let edges = Lock(0)

  var count: Int { edges.withLock { $0 } }
  func trigger() { edges.withLock { $0 += 1 } }

  /// The edges since the last call.
  func take() -> Int {
    edges.withLock { count in
      defer { count = 0 }
      return count
    }
  }
}

/// Keeps the events a device reports.
final class RecordingEvents: MachineEvents {
  private let events = Lock<[GuestEvent]>([])

  func guestEvent(_ event: GuestEvent) { events.withLock { $0.append(event) } }

  /// The events since the last call.
  func take() -> [GuestEvent] {
    events.withLock { events in
      defer { events.removeAll() }
      return events
    }
  }
}

/// Keeps messages of interrupts as text, "address data" in hexadecimal.
final class RecordingMessages: Sendable {
  private let messages = Lock<[String]>([])

  func add(_ address: UInt64, _ data: UInt32) {
    messages.withLock { $0.append(String(address, radix: 16) + " " + String(data, radix: 16)) }
  }

  func take() -> [String] {
    messages.withLock { messages in
      defer { messages.removeAll() }
      return messages
    }
  }
}
