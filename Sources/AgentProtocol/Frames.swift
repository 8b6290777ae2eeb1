// What each end sends that is short.

extension SmallFrame {
  public static var hostHello: SmallFrame { SmallFrame(HostKind.hello, UInt32(Wire.version), width: 1) }
  public static var inputEnd: SmallFrame { SmallFrame(HostKind.inputEnd.rawValue) }

  public static func resize(_ size: WindowSize) -> SmallFrame {
    var frame = SmallFrame(HostKind.resize, UInt32(size.columns), width: 2)
    frame.append(UInt32(size.rows), width: 2)
    return frame
  }

  /// - Parameter number: 1 to 64.
  public static func signal(_ number: UInt8) -> SmallFrame {
    SmallFrame(HostKind.signal, UInt32(number), width: 1)
  }

  /// - Parameter kind: ``GuestKind/output`` or ``GuestKind/errorOutput``.
  public static func outputClosed(_ kind: GuestKind) -> SmallFrame {
    SmallFrame(HostKind.outputClosed, UInt32(kind.rawValue), width: 1)
  }

  public static var guestHello: SmallFrame { SmallFrame(GuestKind.hello, UInt32(Wire.version), width: 1) }

  public static func started(process: UInt32) -> SmallFrame {
    SmallFrame(GuestKind.started, process, width: 4)
  }

  public static func inputTaken(_ count: Int) -> SmallFrame {
    SmallFrame(GuestKind.inputTaken, UInt32(truncatingIfNeeded: count), width: 4)
  }

  public static func ended(_ ending: Ending) -> SmallFrame {
    switch ending {
    case .exited(let status): SmallFrame(GuestKind.ended, UInt32(status) << 8, width: 2)
    case .killed(let signal): SmallFrame(GuestKind.ended, 1 | UInt32(signal) << 8, width: 2)
    }
  }

  public static func failed(_ failure: Failure) -> SmallFrame {
    var frame = SmallFrame(GuestKind.failed, UInt32(failure.step.rawValue), width: 1)
    frame.append(UInt32(failure.code), width: 2)
    frame.append(UInt32(failure.detail), width: 1)
    return frame
  }

  private init(_ kind: HostKind, _ value: UInt32, width: Int) {
    self.init(kind.rawValue)
    append(value, width: width)
  }

  private init(_ kind: GuestKind, _ value: UInt32, width: Int) {
    self.init(kind.rawValue)
    append(value, width: width)
  }
}
