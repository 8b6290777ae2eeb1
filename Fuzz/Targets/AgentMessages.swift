import AgentProtocol
import DeviceFakes

extension FuzzTarget {
  /// What a guest's agent sends: messages within the bytes and in their order, the same in one piece as byte by byte.
  static func agentHost(_ bytes: [UInt8]) throws {
    var whole = GuestMessages()
    let (messages, violation) = try all(
      of: bytes, pieces: bytes.count, { whole.inputRoom }, { whole.sent($0) }
    ) {
      bytes, place throws(ProtocolViolation) in try whole.next(bytes, from: &place)
    }
    var single = GuestMessages()
    let again = try all(of: bytes, pieces: 1, { single.inputRoom }, { single.sent($0) }) {
      bytes, place throws(ProtocolViolation) in try single.next(bytes, from: &place)
    }
    try check(again == (messages, violation), "pieces give something else than the whole")
    for (index, message) in messages.enumerated() {
      switch message {
      case .started: try check(index == 0, "started later")
      case .output(let range), .errorOutput(let range):
        try check(range.lowerBound >= 0 && range.upperBound <= bytes.count, "output from nowhere")
      case .inputTaken(let count): try check(count <= Wire.inputWindow, "more taken than can be under way")
      case .ended, .failed: try check(index == messages.count - 1, "something after the end")
      }
    }
  }

  /// Input is sent whenever there is room, for it to be taken.
  private static func all(
    of bytes: [UInt8], pieces: Int, _ room: () -> Int, _ send: (Int) -> Void,
    _ next: (Span<UInt8>, inout Int) throws(ProtocolViolation) -> GuestMessage?
  ) throws -> ([GuestMessage], ProtocolViolation?) {
    var (messages, place, end): ([GuestMessage], Int, Int) = ([], 0, 0)
    while end < bytes.count {
      end = min(end + max(pieces, 1), bytes.count)
      do throws(ProtocolViolation) {
        while let message = try next(bytes.span.extracting(0..<end), &place) {
          messages.append(message)
          send(room())
        }
      } catch { return (messages, error) }
    }
    return (messages, nil)
  }

  /// What a host sends: the first byte says whether to a machine's first session. Places are of texts that end.
  static func agentGuest(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let sent = Array(bytes.dropFirst())
    var messages = HostMessages(expectsSetup: first & 1 == 0)
    var (place, underWay) = (0, 0)
    func checkTexts(_ start: Int, _ count: Int) throws {
      var next = start
      for _ in 0..<count {
        guard next >= 0, next < sent.count, let end = sent[next...].firstIndex(of: 0) else {
          throw Finding(description: "a text without an end")
        }
        next = end + 1
      }
      try check(next <= place, "texts beyond their frame")
    }
    do {
      while let message = try messages.next(sent.span, from: &place) {
        try check(place <= sent.count, "behind the end")
        switch message {
        case .setup(let request):
          try checkTexts(request.hostName, 1)
          try checkTexts(request.mountTexts, request.mountCount * 2)
        case .start(let request):
          try checkTexts(request.user, 1)
          try checkTexts(request.directory, 1)
          try checkTexts(request.arguments, request.argumentCount)
          try checkTexts(request.environment, request.environmentCount)
          for index in 0..<request.limitCount {
            try check(request.limit(index, in: sent.span).resource < 16, "a limit of nothing")
          }
        case .input(let range):
          underWay += range.count
          try check(range.upperBound <= place && underWay <= Wire.inputWindow, "more input than may be")
          if first & 2 != 0 {
            messages.took(underWay)
            underWay = 0
          }
        case .signal(let number): try check((1...64).contains(number), "signal \(number)")
        case .outputClosed(let kind):
          try check([.output, .errorOutput].contains(kind), "closed what is no output")
        case .inputEnd, .resize: break
        }
      }
    } catch is ProtocolViolation {}
  }

  /// Words of a person come out of the guest's end as they went in.
  static func agentRequest(_ bytes: [UInt8]) throws {
    let words = bytes.split(separator: 0xff, omittingEmptySubsequences: false).map { Array($0) }
    var start = Start(words)
    start.environment = words.reversed()
    start.user = words[0]
    guard let frame = start.encoded() else { return }
    var messages = HostMessages(expectsSetup: false)
    var place = 0
    let sent: [UInt8] = [0x01, 1, 0, 0, Wire.version] + frame
    guard case .start(let request) = try messages.next(sent.span, from: &place) else {
      throw Finding(description: "no start came out")
    }
    let texts = sent[request.user...].split(separator: 0, omittingEmptySubsequences: false).dropLast()
    try check(
      texts.map { Array($0) } == [words[0], []] + words + words.reversed(),
      "other words came out")
  }
}
