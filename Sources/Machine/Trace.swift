import Configuration
import Devices
import GuestMemory
import KVM
import LinuxSystem

/// What a machine did and when: kept until it ends, and written then for a viewer of traces (the Trace Event Format of
/// Chrome, which Perfetto reads as well).
final class Trace: Sendable {
  /// What took some time.
  enum Event: Sendable {
    /// The monitor served an exit of the guest.
    case exit(Exit)
    /// A device served its virtqueues: bit n is queue n.
    case queues(UInt64)
  }

  fileprivate struct Span: Sendable {
    /// Nanoseconds of CLOCK_MONOTONIC, both.
    let begin: UInt64
    let end: UInt64
    let event: Event
  }

  /// The events of one processor or device, which come in order.
  final class Track: Sendable {
    /// Of more, only the number is kept: a guest decides how many there are.
    private static let limit = 1 << 18

    private struct State: Sendable {
      var spans: [Span] = []
      var lost = 0
    }
    fileprivate let name: String
    /// Whether what lies between two events is time in the guest.
    fileprivate let isProcessor: Bool
    private let state = Lock(State())

    /// Where it stands among the others.
    fileprivate let place: Int

    fileprivate init(_ name: String, isProcessor: Bool, at place: Int) {
      self.name = name
      self.isProcessor = isProcessor
      self.place = place
      // All at once: nothing is allocated where events come. What is not used stays untouched.
      state.withLock { $0.spans.reserveCapacity(Track.limit) }
    }

    /// Adds what has taken from `begin`, in nanoseconds of CLOCK_MONOTONIC, until now.
    func add(_ event: Event, since begin: UInt64) {
      let span = Span(begin: begin, end: Clock.monotonicNanoseconds(), event: event)
      state.withLock { state in
        if state.spans.count < Track.limit { state.spans.append(span) } else { state.lost += 1 }
      }
    }

    fileprivate var spans: [Span] { state.withLock { $0.spans } }
    fileprivate var lost: Int { state.withLock { $0.lost } }
  }

  private struct State: Sendable {
    var tracks: [Track] = []
    var buses: (ports: Bus, mmio: Bus)?
  }

  private let file: FileDescriptor
  private let state = Lock(State())

  /// - Parameter file: is empty, and gets the trace.
  init(to file: consuming FileDescriptor) { self.file = file }

  /// Of the processors, in the order of their numbers.
  func processor(_ index: Int) -> Track {
    let track = Track("vCPU \(index)", isProcessor: true, at: index - Limits.cpus.upperBound)
    state.withLock { $0.tracks.append(track) }
    return track
  }

  /// Of the devices, after the processors and in the order in which they are made.
  func device(_ name: String) -> Track {
    state.withLock { state in
      let track = Track(name, isProcessor: false, at: state.tracks.count)
      state.tracks.append(track)
      return track
    }
  }

  /// Has exits told by the devices that they went to.
  func know(ports: Bus, mmio: Bus) { state.withLock { $0.buses = (ports, mmio) } }

  /// Writes all events, those of `timeline` as phases of the boot.
  func write(_ timeline: Timeline, process: String) throws(SystemError) {
    let (tracks, buses) = state.withLock { ($0.tracks.sorted { $0.place < $1.place }, $0.buses) }
    var text = TraceText(origin: timeline.spans.first?.begin ?? 0) { [self] bytes throws(SystemError) in
      try file.writeAll(bytes)
    }
    try text.name(process: process)
    try text.name(track: 0, "boot")
    for span in timeline.spans {
      try text.add(track: 0, span.name, from: span.begin, to: span.end)
    }
    for (number, track) in tracks.enumerated() {
      try text.name(track: number + 1, track.name)
      try Trace.write(track, as: number + 1, buses, to: &text)
    }
    try text.finish()
  }

  private static func write(
    _ track: Track, as number: Int, _ buses: (ports: Bus, mmio: Bus)?, to text: inout TraceText
  ) throws(SystemError) {
    var before: UInt64?
    for span in track.spans {
      if track.isProcessor, let before {
        try text.add(track: number, "guest", from: before, to: span.begin)
      }
      before = span.end
      switch span.event {
      case .exit(let exit):
        let words = exit.words(buses)
        try text.add(track: number, words.name, from: span.begin, to: span.end, words.details)
      case .queues(let bits):
        let queues = (0..<64).filter { bits & 1 << UInt64($0) != 0 }.map { String($0) }
        try text.add(
          track: number, "queues", from: span.begin, to: span.end,
          [("queues", queues.joined(separator: " "))])
      }
    }
    if track.lost > 0, let before {
      try text.add(track: number, "\(track.lost) more events were not kept", from: before, to: before)
    }
  }
}

extension Exit {
  /// What a viewer calls the exit, and more of it.
  fileprivate func words(_ buses: (ports: Bus, mmio: Bus)?) -> (name: String, details: [(String, String)]) {
    func name(_ way: String, _ device: String?) -> String { device.map { "\(way) \($0)" } ?? way }
    func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
    switch self {
    case .port(let number, let width, let count, let isWrite):
      return (
        name(isWrite ? "out" : "in", buses?.ports.name(at: UInt64(number))),
        [("port", hexadecimal(UInt64(number))), ("bytes", "\(width)"), ("times", "\(count)")]
      )
    case .readMMIO(let address, let width):
      return (
        name("MMIO read", buses?.mmio.name(at: address.value)),
        [("address", hexadecimal(address.value)), ("bytes", "\(width)")]
      )
    case .writeMMIO(let address, let width, let value):
      return (
        name("MMIO write", buses?.mmio.name(at: address.value)),
        [("address", hexadecimal(address.value)), ("bytes", "\(width)"), ("value", hexadecimal(value))]
      )
    case .readMSR(let index): return ("rdmsr", [("register", hexadecimal(UInt64(index)))])
    case .writeMSR(let index, let value):
      return ("wrmsr", [("register", hexadecimal(UInt64(index))), ("value", hexadecimal(value))])
    default: return ("\(self)", [])
    }
  }
}
