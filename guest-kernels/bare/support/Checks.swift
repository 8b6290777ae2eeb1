import Platform

/// Prints one line per check and counts those that failed.
enum Checks {
  nonisolated(unsafe) private(set) static var failures: UInt64 = 0

  /// The workload status that says how many checks failed.
  static var status: UInt8 { UInt8(min(failures, 250)) }

  /// "ok SUBJECT NAME" or "FAIL SUBJECT NAME: why".
  static func expect(_ holds: Bool, _ subject: Subject, _ name: StaticString, _ why: StaticString) {
    Serial.write(holds ? "ok " : "FAIL ")
    subject.write()
    Serial.write(name)
    if !holds {
      Serial.write(": ")
      Serial.write(why)
      failures &+= 1
    }
    Serial.write("\n")
  }

  static func expect(_ value: UInt64, is wanted: UInt64, _ subject: Subject, _ name: StaticString) {
    guard value != wanted else { return expect(true, subject, name, "") }
    failures &+= 1
    Serial.write("FAIL ")
    subject.write()
    Serial.write(name)
    Serial.write(": ")
    Serial.write(hex: value)
    Serial.write(", not ")
    Serial.write(hex: wanted)
    Serial.write("\n")
  }
}

/// What a check is about: the machine, or the device in a window.
enum Subject {
  case machine
  case device(VirtioDevice)

  /// "block3 ": kind and window.
  func write() {
    guard case .device(let device) = self else { return }
    switch device.kind {
    case .block: Serial.write("block")
    case .console: Serial.write("console")
    case .entropy: Serial.write("rng")
    case .network: Serial.write("net")
    case .balloon: Serial.write("balloon")
    case .socket: Serial.write("vsock")
    case .share: Serial.write("fs")
    case nil: Serial.write("device")
    }
    Serial.write(decimal: device.window)
    Serial.write(" ")
  }
}
