public import Devices
import Glibc
public import GuestMemory
public import LinuxSystem

/// What was read and not used, and begun and not written, when a socket's machine ended: where the next one goes on,
/// so that frames stay whole.
public final class FrameRemainders: Sendable {
  fileprivate struct Remainder {
    var read: [UInt8] = []
    var unwritten: [UInt8] = []
  }
  fileprivate let waiting: Lock<[Int32: Remainder]>

  /// Nothing.
  public convenience init() { self.init(decoding: []) }

  /// What `bytes`, made by ``encode()`` in another process, say; nothing where they are not of that form.
  public init(decoding bytes: [UInt8]) {
    var found: [Int32: Remainder] = [:]
    var rest = bytes.dropFirst()
    func part(_ count: Int) -> ArraySlice<UInt8>? {
      guard count <= rest.count else { return nil }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    func number() -> Int? { part(4).map { $0.reduce(0) { $0 << 8 | Int($1) } } }
    while let descriptor = number(), let read = number(), let unwritten = number(),
      max(read, unwritten) <= FrameSocket.bufferSize, let first = part(read), let second = part(unwritten)
    {
      found[Int32(truncatingIfNeeded: descriptor)] = Remainder(read: Array(first), unwritten: Array(second))
    }
    waiting = Lock(found)
  }

  /// For the process of the next machine; never empty.
  public func encode() -> [UInt8] {
    waiting.withLock { waiting in
      var bytes: [UInt8] = [1]
      for (descriptor, remainder) in waiting {
        for number in [Int(descriptor), remainder.read.count, remainder.unwritten.count] {
          for index in FrameSocket.prefix(number).indices { bytes.append(FrameSocket.prefix(number)[index]) }
        }
        bytes += remainder.read + remainder.unwritten
      }
      return bytes
    }
  }
}

/// A stream socket whose other end takes and gives Ethernet frames, each behind its length in 4 bytes, most
/// significant first: what passt speaks, and QEMU's `-netdev stream`.
public final class FrameSocket: NetConnection {
  private static let prefix = 4
  private static let longest = prefix + NetDevice.frameLimit
  /// Bytes kept each way: several frames, so that one system call moves many short ones.
  fileprivate static let bufferSize = 2 * longest
  /// From here on a frame goes by a system call of its own, without being copied.
  private static let longFrame = 8192
  private static let slicesPerCall = 1024

  public let offloads: NetOffloads = []
  private let socket: FileDescriptor
  private var list: ScatterList?
  private var handler: ((NetReadiness) -> Void)?
  private var isGone = false

  private var inbox: [UInt8] = []
  private var inboxStart = 0
  private var inboxEnd = 0
  private var outbox: [UInt8] = []
  private var outboxStart = 0
  private var outboxEnd = 0

  private let number: Int32
  private let remainders: FrameRemainders

  /// - Parameters:
  ///   - number: the socket's descriptor, which stays open and becomes non-blocking.
  ///   - remainders: of the machines before this one; this one's are put there at its end.
  public init(duplicating number: Int32, goingOnWith remainders: FrameRemainders) throws(SystemError) {
    let socket = try FileDescriptor(duplicating: number)
    try socket.setNonBlocking(true)
    self.socket = socket
    self.number = number
    self.remainders = remainders
    if let before = remainders.waiting.withLock({ $0.removeValue(forKey: number) }) {
      makeBuffers()
      for (index, byte) in before.read.enumerated() { inbox[index] = byte }
      for (index, byte) in before.unwritten.enumerated() { outbox[index] = byte }
      (inboxEnd, outboxEnd) = (before.read.count, before.unwritten.count)
    }
  }

  deinit {
    let remainder = FrameRemainders.Remainder(
      read: Array(inbox[inboxStart..<inboxEnd]), unwritten: Array(outbox[outboxStart..<outboxEnd]))
    remainders.waiting.withLock { $0[number] = remainder }
  }

  private func makeBuffers() {
    inbox = [UInt8](repeating: 0, count: Self.bufferSize)
    outbox = [UInt8](repeating: 0, count: Self.bufferSize)
  }

  public func begin(
    on loop: EventLoop, _ handler: @escaping (NetReadiness) -> Void
  ) throws(SystemError) {
    self.handler = handler
    _ = try loop.register(socket, [.readable, .writable, .onChange]) { [unowned self] interest in
      if interest.contains(.writable) { flush() }
      handler(NetReadiness(interest))
    }
  }

  public func begin(leavingToGuest offloads: NetOffloads) {
    if inbox.isEmpty { makeBuffers() }
  }

  // MARK: To the peer

  public func send(_ header: NetHeader, _ frame: [GuestSlice], of memory: GuestMemory) -> Bool {
    if isGone { return true }
    let count = frame.reduce(0) { $0 + $1.count }
    let length = Self.prefix(count)
    if count >= Self.longFrame || outbox.count - outboxEnd < Self.prefix + count { flush() }
    if outboxEnd == 0, count >= Self.longFrame { return sendLong(length, frame, memory) }
    guard outbox.count - outboxEnd >= Self.prefix + count else { return false }
    keep(length, frame, from: 0, memory)
    return true
  }

  public func flush() {
    guard !isGone, outboxStart < outboxEnd else { return }
    let written = write { () throws(SystemError) in
      try socket.write(outbox[outboxStart..<outboxEnd])
    }
    outboxStart += written
    if outboxStart == outboxEnd { (outboxStart, outboxEnd) = (0, 0) }
  }

  /// Writes a frame from where it lies; what is left of one that was begun is kept, so that it can be ended whatever
  /// the guest does.
  private func sendLong(
    _ length: InlineArray<4, UInt8>, _ frame: [GuestSlice], _ memory: GuestMemory
  ) -> Bool {
    let list = self.list ?? ScatterList(memory: memory, capacity: Self.slicesPerCall)
    self.list = list
    list.begin(with: length.span)
    // A frame in more pieces than one call takes is none that a driver makes.
    for slice in frame where !list.append(slice) { return true }
    let total = list.byteCount
    let written = write { () throws(SystemError) in try list.writeStream(to: socket) }
    if isGone { return true }
    if written == 0 { return false }
    if written < total { keep(length, frame, from: written, memory) }
    return true
  }

  /// Appends a frame behind its length to the outbox, without the first `start` bytes of both.
  private func keep(
    _ length: InlineArray<4, UInt8>, _ frame: [GuestSlice], from start: Int, _ memory: GuestMemory
  ) {
    for index in min(start, Self.prefix)..<Self.prefix {
      outbox[outboxEnd] = length[index]
      outboxEnd += 1
    }
    var skip = max(start - Self.prefix, 0)
    var span = outbox.mutableSpan
    for slice in frame {
      let part = min(skip, slice.count)
      skip -= part
      guard let rest = try? slice.slice(from: part, count: slice.count - part) else { continue }
      // There is room: the caller has looked, or the outbox is empty.
      try? memory.copyOut(rest, into: &span, at: outboxEnd)
      outboxEnd += rest.count
    }
  }

  fileprivate static func prefix(_ count: Int) -> InlineArray<4, UInt8> {
    [
      UInt8(truncatingIfNeeded: count >> 24), UInt8(truncatingIfNeeded: count >> 16),
      UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count),
    ]
  }

  /// The bytes that were written, 0 where it would have to wait or the peer is gone.
  private func write(_ body: () throws(SystemError) -> Int) -> Int {
    do throws(SystemError) { return try body() } catch {
      if error.code != EAGAIN { lose() }
      return 0
    }
  }

  // MARK: From the peer

  public func receive(into room: [GuestSlice], of memory: GuestMemory) -> NetReceived {
    while !isGone {
      if let frame = nextFrame() {
        guard memory.copyIn(inbox.span.extracting(frame), to: room) else {
          return .tooLong(count: frame.count)
        }
        inboxStart = frame.upperBound
        return .frame(count: frame.count, NetHeader())
      }
      if isGone || !fill() { break }
    }
    return .none
  }

  public func dropFrame() {
    if let frame = nextFrame() { inboxStart = frame.upperBound }
  }

  /// Where the next frame lies in the inbox, if all of it is there.
  private func nextFrame() -> Range<Int>? {
    guard inboxEnd - inboxStart >= Self.prefix else { return nil }
    let count = (0..<Self.prefix).reduce(0) { $0 << 8 | Int(inbox[inboxStart + $1]) }
    guard (1...NetDevice.frameLimit).contains(count) else {
      // Where the next frame begins cannot be known any more.
      lose()
      return nil
    }
    guard inboxEnd - inboxStart >= Self.prefix + count else { return nil }
    return (inboxStart + Self.prefix)..<(inboxStart + Self.prefix + count)
  }

  /// Reads more into the inbox.
  /// - Returns: false where there is nothing now, or nothing any more.
  private func fill() -> Bool {
    if inbox.count - inboxEnd < Self.longest { moveInboxToFront() }
    do throws(SystemError) {
      let count = try socket.read(into: &inbox, at: inboxEnd)
      inboxEnd += count
      if count == 0 { lose() }
      return count > 0
    } catch {
      if error.code != EAGAIN { lose() }
      return false
    }
  }

  /// Less than a frame is left there: there is room for a whole one afterwards.
  private func moveInboxToFront() {
    let count = inboxEnd - inboxStart
    for index in 0..<count { inbox[index] = inbox[inboxStart + index] }
    (inboxStart, inboxEnd) = (0, count)
  }

  private func lose() {
    if !isGone { handler?(.gone) }
    isGone = true
  }
}
