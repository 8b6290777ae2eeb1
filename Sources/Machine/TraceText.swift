import Configuration
import LinuxSystem

/// A trace in the Trace Event Format, written piece by piece: one object with all events in an array.
struct TraceText {
  private static let pieceSize = 1 << 16

  private let output: ([UInt8]) throws(SystemError) -> Void
  /// The time that stands as 0, in nanoseconds.
  private let origin: UInt64
  private var text = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":["
  private var isEmpty = true

  init(origin: UInt64, to output: @escaping ([UInt8]) throws(SystemError) -> Void) {
    self.output = output
    self.origin = origin
  }

  mutating func name(process: String) throws(SystemError) {
    try add("{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":{\"name\":\(process.quotedAsJSON)}}")
  }

  mutating func name(track: Int, _ name: String) throws(SystemError) {
    let place = "\"pid\":1,\"tid\":\(track)"
    try add("{\"name\":\"thread_name\",\"ph\":\"M\",\(place),\"args\":{\"name\":\(name.quotedAsJSON)}}")
    try add("{\"name\":\"thread_sort_index\",\"ph\":\"M\",\(place),\"args\":{\"sort_index\":\(track)}}")
  }

  /// Adds what took from `begin` to `end`, in nanoseconds; none of it is before the origin.
  mutating func add(
    track: Int, _ name: String, from begin: UInt64, to end: UInt64, _ details: [(String, String)] = []
  ) throws(SystemError) {
    let members = details.map { "\($0.0.quotedAsJSON):\($0.1.quotedAsJSON)" }.joined(separator: ",")
    let arguments = members.isEmpty ? "" : ",\"args\":{\(members)}"
    let times = "\"ts\":\(microseconds(begin &- origin)),\"dur\":\(microseconds(end &- begin))"
    try add("{\"name\":\(name.quotedAsJSON),\"ph\":\"X\",\"pid\":1,\"tid\":\(track),\(times)\(arguments)}")
  }

  consuming func finish() throws(SystemError) {
    text += "\n]}\n"
    try write()
  }

  private mutating func add(_ event: String) throws(SystemError) {
    text += isEmpty ? "\n" : ",\n"
    isEmpty = false
    text += event
    if text.utf8.count >= TraceText.pieceSize { try write() }
  }

  private mutating func write() throws(SystemError) {
    try output(Array(text.utf8))
    text = ""
  }

  /// With three digits behind the point.
  private func microseconds(_ nanoseconds: UInt64) -> String {
    let fraction = String(nanoseconds % 1000)
    return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
  }
}
