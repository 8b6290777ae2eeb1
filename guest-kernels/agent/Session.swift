import LinuxCalls

/// One connection with the host, and the program that it is for.
struct Session {
  /// Entries of poll(2): the socket, and the program's input, output and error.
  static let entryCount = 4
  /// For what is said besides a program's output.
  private static let spare = 256
  /// Less room than this is not worth a call.
  private static let smallestRead = 2048
  /// With its header, what the transport carries at once.
  private static let longestRead = (1 << 16) - Wire.headerSize

  private static let outgoingSize = 1 << 16 + spare
  private static let typedSize = Wire.inputWindow + endOfFileSize
  private static let memorySize = Wire.frameLimit + typedSize + outgoingSize

  private var socket: Int32
  private let memory: UnsafeMutablePointer<UInt8>
  private var messages: HostMessages
  private var received: Buffer
  private var place = 0
  private var typed: Buffer
  private var outgoing: Buffer
  private var program = RunningProgram()
  /// Bytes of input that were passed on, and not told of yet.
  private var taken = 0
  private var inputEnded = false
  /// Which output is read first the next time, so that none waits for the end of the other.
  private var firstOutput = GuestKind.output
  private var ending: Ending?
  /// Nothing is to be said any more.
  private var hasTold = false

  /// - Parameter isFirst: whether it is the machine's first one.
  /// - Returns: nil where there is no memory for it.
  init?(_ socket: Int32, isFirst: Bool) {
    guard let memory = UnsafeMutablePointer<UInt8>(bitPattern: sys_map(Session.memorySize)),
      Int(bitPattern: memory) > 0
    else { return nil }
    self.socket = socket
    self.memory = memory
    messages = HostMessages(expectsSetup: isFirst)
    received = Buffer(memory, capacity: Wire.frameLimit)
    typed = Buffer(memory + Wire.frameLimit, capacity: Session.typedSize)
    outgoing = Buffer(memory + Wire.frameLimit + Session.typedSize, capacity: Session.outgoingSize)
    outgoing.append(.guestHello)
  }

  /// Says that there is no room for this session.
  static func refuse(_ socket: Int32) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { memory in
      guard let start = memory.baseAddress else { return }
      var words = Buffer(start, capacity: memory.count)
      words.append(.guestHello)
      words.append(.failed(Failure(.resources, code: UInt16(EAGAIN))))
      _ = words.write(to: socket)
    }
    _ = sys_close(socket)
  }

  var isUsed: Bool { socket >= 0 }
  var hasEnded: Bool { ending != nil }
  var isOver: Bool { hasTold && outgoing.isEmpty }
  /// Whether the program has ended, nothing of its output is left, and that is still to be told.
  var isDrained: Bool { ending != nil && !hasTold && !program.hasOutput && outgoing.room >= Session.spare }

  func prepare(_ entries: UnsafeMutablePointer<pollfd>) {
    let mayRead = readRoom > 0
    entries[0] = pollfd(fd: socket, events: Int16(POLLIN | (outgoing.isEmpty ? 0 : POLLOUT)), revents: 0)
    entries[1] = pollfd(fd: typed.isEmpty ? -1 : program.input, events: Int16(POLLOUT), revents: 0)
    entries[2] = pollfd(fd: mayRead ? program.output : -1, events: Int16(POLLIN), revents: 0)
    entries[3] = pollfd(fd: mayRead ? program.errors : -1, events: Int16(POLLIN), revents: 0)
  }

  func hasNews(_ entries: UnsafeMutablePointer<pollfd>) -> Bool {
    entries[0].revents & ~Int16(POLLOUT) != 0
  }

  /// Reads what the host has sent; false where the connection is gone.
  mutating func fill() -> Bool {
    dropTaken()
    // What is left is less than a frame, so that there is room.
    let result = received.read(from: socket, atMost: received.room)
    return result > 0 || result == Int(-EAGAIN)
  }

  /// The next message, whose places are in what ``withReceived(_:)`` gives, until the one after it is asked for.
  mutating func nextMessage() throws(ProtocolViolation) -> HostMessage? {
    dropTaken()
    return try messages.next(UnsafeBufferPointer(start: received.bytes, count: received.count).span, from: &place)
  }

  private mutating func dropTaken() {
    received.drop(place)
    place = 0
  }

  func withReceived<Result>(_ body: (UnsafeMutablePointer<UInt8>) -> Result) -> Result { body(received.bytes) }

  mutating func take(_ message: HostMessage) {
    switch message {
    case .setup: break
    case .start(let request): start(request)
    case .input(let range):
      if program.input >= 0 {
        typed.append(received.bytes + range.lowerBound, count: range.count)
      } else {
        taken += range.count
      }
    case .inputEnd:
      inputEnded = true
      if program.isTerminal { typed.append(Session.endOfFile.path, count: Session.endOfFileSize) }
    case .resize(let size): program.resize(size)
    case .signal(let number): program.signal(Int32(number))
    case .outputClosed(let kind): program.closeOutput(kind)
    }
  }

  /// What ends a terminal's input: Ctrl-D, and before that one that ends a line that was begun.
  private static let endOfFile: StaticString = "\u{4}\u{4}"
  private static let endOfFileSize = 2

  private mutating func start(_ request: StartRequest) {
    do throws(Failure) {
      try program.start(request, UnsafeBufferPointer(start: received.bytes, count: received.count))
      outgoing.append(.started(process: UInt32(program.process)))
    } catch {
      fail(error)
    }
  }

  mutating func fail(_ failure: Failure) {
    guard !hasTold else { return }
    outgoing.append(.failed(failure))
    hasTold = true
    program.close()
  }

  /// A process has ended, this session's program perhaps.
  mutating func processEnded(_ process: Int32, _ status: Int32) {
    guard isUsed, process == program.process else { return }
    program.process = 0
    let signal = UInt8(truncatingIfNeeded: status & 0x7f)
    ending = signal == 0 ? .exited(status: UInt8(truncatingIfNeeded: status >> 8)) : .killed(signal: signal)
  }

  /// Passes on what there is of input and output.
  mutating func relay() {
    guard ending != nil || program.process > 0 else { return }
    passInput()
    let first = firstOutput
    let second: GuestKind = first == .output ? .errorOutput : .output
    if passOutput(first) { firstOutput = second }
    _ = passOutput(second)
  }

  private mutating func passInput() {
    if !typed.isEmpty {
      let result = program.input < 0 ? Int(-EPIPE) : typed.write(to: program.input)
      if result > 0 {
        taken += result
      } else if result != Int(-EAGAIN) {
        taken += typed.count
        typed.removeAll()
        program.closeInput()
      }
    }
    if inputEnded, typed.isEmpty, !program.isTerminal { program.closeInput() }
    guard taken > 0, taken >= Wire.inputWindow / 4 || typed.isEmpty, outgoing.room >= 16 else { return }
    outgoing.append(.inputTaken(taken))
    messages.took(taken)
    taken = 0
  }

  private var readRoom: Int {
    let room = min(outgoing.room - Session.spare - Wire.headerSize, Session.longestRead)
    return room < Session.smallestRead ? 0 : room
  }

  /// - Returns: whether there was something.
  private mutating func passOutput(_ kind: GuestKind) -> Bool {
    let (room, file) = (readRoom, kind == .output ? program.output : program.errors)
    guard file >= 0, room > 0 else { return false }
    let count = outgoing.read(from: file, atMost: room, after: Wire.headerSize)
    if count > 0 {
      outgoing.put(FrameHeader(kind: kind.rawValue, length: count).word, before: count + Wire.headerSize)
    } else if ending != nil || count != Int(-EAGAIN) {
      // After the program's end, what cannot be read now will never be.
      program.closeOutput(kind)
    }
    return count > 0
  }

  mutating func tellEnd() {
    guard let ending else { return }
    outgoing.append(.ended(ending))
    hasTold = true
    program.close()
  }

  /// Sends what is to be said; false where the connection is gone.
  mutating func flush() -> Bool {
    if outgoing.isEmpty { return true }
    let result = outgoing.write(to: socket)
    return result > 0 || result == Int(-EAGAIN)
  }

  /// Ends the connection. A program that still runs is told by SIGHUP, as by a terminal that is gone.
  mutating func close() {
    program.signal(SIGHUP)
    program.close()
    _ = sys_close(socket)
    socket = -1
    sys_unmap(memory, Session.memorySize)
  }
}
