package import Devices
import LinuxSystem

/// Counts the edges of an interrupt line.
package final class RecordingLine: InterruptLine {
  private let edges = Lock(0)

  package init() {}

  package var count: Int { edges.withLock { $0 } }
  package func trigger() { edges.withLock { $0 += 1 } }

  /// The edges since the last call.
  package func take() -> Int {
    edges.withLock { count in
      defer { count = 0 }
      return count
    }
  }
}

/// Keeps the events a device reports.
package final class RecordingEvents: MachineEvents {
  private let events = Lock<[GuestEvent]>([])

  package init() {}

  package func guestEvent(_ event: GuestEvent) { events.withLock { $0.append(event) } }

  /// The events since the last call.
  package func take() -> [GuestEvent] {
    events.withLock { events in
      defer { events.removeAll() }
      return events
    }
  }
}

/// Keeps messages of interrupts as text, "address data" in hexadecimal.
package final class RecordingMessages: Sendable {
  private let messages = Lock<[String]>([])

  package init() {}

  package func add(_ address: UInt64, _ data: UInt32) {
    messages.withLock { $0.append(String(address, radix: 16) + " " + String(data, radix: 16)) }
  }

  package func take() -> [String] {
    messages.withLock { messages in
      defer { messages.removeAll() }
      return messages
    }
  }
}
