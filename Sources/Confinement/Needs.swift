/// What a machine is made of, as far as it makes system calls while its guest runs: none is allowed that nothing here
/// asks for.
public struct Needs: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The host's KVM has no hardware beneath it.
  public static let workarounds = Needs(rawValue: 1 << 0)
  /// KVM's counters are read for a timeline.
  public static let counter = Needs(rawValue: 1 << 1)
  public static let console = Needs(rawValue: 1 << 2)
  /// The console is a person's terminal.
  public static let terminal = Needs(rawValue: 1 << 3)
  public static let disks = Needs(rawValue: 1 << 4)
  public static let diskWrites = Needs(rawValue: 1 << 5)
  /// A disk is read and written through io_uring.
  public static let ring = Needs(rawValue: 1 << 6)
  public static let taps = Needs(rawValue: 1 << 7)
  public static let ports = Needs(rawValue: 1 << 8)
  public static let vsock = Needs(rawValue: 1 << 9)
  public static let shares = Needs(rawValue: 1 << 10)
  public static let shareWrites = Needs(rawValue: 1 << 11)
  /// The console's input or output is a socket.
  public static let streams = Needs(rawValue: 1 << 12)
}

/// The threads of a machine, as far as they differ in what they may do.
public enum ThreadKind: Sendable, Equatable {
  /// Waits for signals, the terminal, the time limit and the machine's end.
  case main
  /// Owns every queue and every backend.
  case io
  /// Runs one virtual processor.
  case processor(Int)
}

extension ThreadKind {
  /// In 16 bits, for the answer of a filter to tell whose it is.
  var number: UInt16 {
    switch self {
    case .main: 0
    case .io: 1
    case .processor(let index): 2 + UInt16(clamping: index)
    }
  }

  /// The parts of the filter, those first that are asked for most often.
  func parts(_ needs: Needs) -> [[UInt64]] {
    var parts: [[UInt64]] = []
    func add(_ need: Needs, _ part: [UInt64]) {
      if need.isEmpty || !needs.isDisjoint(with: need) { parts.append(part) }
    }
    switch self {
    case .processor:
      add([], FilterTable.processor)
      add([], FilterTable.common)
      add(.workarounds, FilterTable.workarounds)
      add(.counter, FilterTable.counter)
    case .io:
      add([], FilterTable.loop)
      add([], FilterTable.common)
      add([], FilterTable.interrupts)
      add(.disks, FilterTable.disk)
      add(.diskWrites, FilterTable.diskWrites)
      add(.ring, FilterTable.ring)
      add(.taps, FilterTable.tap)
      add(.streams, FilterTable.streams)
      add([.ports, .vsock], FilterTable.sockets)
      add([.ports, .vsock], FilterTable.removal)
      add(.vsock, FilterTable.connections)
      add(.shares, FilterTable.share)
      add(.shareWrites, FilterTable.shareWrites)
    case .main:
      add([], FilterTable.loop)
      add([], FilterTable.common)
      add(.console, FilterTable.console)
      add(.streams, FilterTable.streams)
      add(.terminal, FilterTable.terminal)
      add(.counter, FilterTable.counter)
      // Devices may be given up here, when the machine has ended.
      add(.ring, FilterTable.ring)
      add([.ports, .vsock], FilterTable.removal)
    }
    add(.terminal, FilterTable.fault)
    return parts
  }
}
