import GuestMemory

/// A directory of the host, shared with the guest (virtio 1.2, section 5.11). Belongs to the I/O thread.
///
/// Requests are FUSE's; they are taken apart and checked here, done by the folder, and answered in turn. There is no
/// notification queue and no DAX window.
public final class FsDevice: VirtioDevice {
  /// Bytes of the tag by which the guest mounts the directory.
  public static let tagLimit = 36

  /// Requests that are not waited for (forgets), then the others.
  private static let queueSizes: [UInt16] = [64, 128]
  /// What one call to `process` does before others have their turn: bytes moved, each request counted as
  /// ``requestCost`` more.
  private static let transferLimit = 4 << 20
  private static let requestCost = 32 << 10

  public let identity: VirtioIdentity
  private let folder: any SharedFolder
  private var session: FuseSession
  private var activation: VirtioActivation?
  private var slices: [GuestSlice] = []

  /// - Parameter tag: UTF-8, 1 to ``tagLimit`` bytes.
  public init(tag: String, folder: any SharedFolder) {
    self.folder = folder
    session = FuseSession(folder: folder)
    var fields = Array(tag.utf8.prefix(Self.tagLimit))
    fields += [UInt8](repeating: 0, count: Self.tagLimit - fields.count)
    fields.append(littleEndian: UInt32(Self.queueSizes.count - 1))
    identity = VirtioIdentity(
      deviceID: 26, features: [], queueSizes: Self.queueSizes,
      configuration: ConfigurationSpace(fields))
  }

  public func activate(_ activation: VirtioActivation) { self.activation = activation }

  public func reset() {
    activation = nil
    session.end()
  }

  public func process(queue: Int) -> Bool {
    guard let activation, activation.queues.indices.contains(queue), let ring = activation.queues[queue]
    else { return false }
    let memory = activation.memory
    var budget = Self.transferLimit
    let stop = ring.serve { chain throws(DriverViolation) in
      guard budget > 0 else { return .later }
      budget -= Self.requestCost
      var input = ChainCursor(readable: chain)
      guard let header = FuseHeader(&input, memory) else { throw .requestLayout }
      let operation = FuseOperation(rawValue: header.operation)
      if let operation, !operation.hasReply {
        if header.length == chain.readableCount { session.take(operation, header, &input, memory) }
        return .used(0)
      }
      guard chain.writableCount >= FuseHeader.replySize else { throw .requestLayout }
      var output = ChainCursor(writable: chain)
      var count = 0
      var failure: FuseError?
      do throws(FuseError) {
        guard header.length == chain.readableCount, header.extensions == 0 else { throw .invalid }
        var data = output
        data.skip(FuseHeader.replySize)
        count = try answer(operation, header, &input, &data, memory)
        budget -= count + chain.readableCount
      } catch {
        failure = error
      }
      output.write(header.reply(failure, count: count).span, to: memory)
      return .used(UInt32(FuseHeader.replySize + count))
    }
    return stop == .limit || (stop == .later && budget <= 0)
  }

  /// Does a request and writes what its reply has behind the header.
  /// - Returns: the bytes written.
  private func answer(
    _ operation: FuseOperation?, _ header: FuseHeader, _ input: inout ChainCursor,
    _ output: inout ChainCursor,
    _ memory: GuestMemory
  ) throws(FuseError) -> Int {
    guard let operation else { throw .notImplemented }
    switch operation {
    case .read:
      try session.check(isReady: true)
      let range = try FuseRange(&input, memory)
      guard input.remaining == 0 else { throw .invalid }
      take(min(range.count, output.remaining, FuseSession.transferLimit), of: &output)
      return try folder.read(range.handle, of: header.node, at: range.offset, into: slices, of: memory)
    case .write:
      try session.check(isReady: true)
      let range = try FuseRange(&input, memory)
      guard input.remaining == range.count, range.count <= FuseSession.transferLimit else { throw .invalid }
      guard output.remaining >= 8 else { throw .invalid }
      take(range.count, of: &input)
      let count = try folder.write(range.handle, of: header.node, at: range.offset, slices, of: memory)
      var reply = FieldWriter<8>()
      reply.put(UInt64(count))
      output.write(reply.bytes.span, to: memory)
      return 8
    default:
      guard input.remaining <= FuseBody.limit else { throw .invalid }
      let body = FuseBody(input.read(input.remaining, from: memory))
      let room = output.remaining
      let reply = try session.answer(operation, header, body, room: room)
      guard reply.count <= room else { throw .invalid }
      return output.write(reply, to: memory)
    }
  }

  private func take(_ count: Int, of cursor: inout ChainCursor) {
    slices.removeAll(keepingCapacity: true)
    cursor.take(count, into: &slices)
  }
}

/// What READ and WRITE say (fuse_read_in, fuse_write_in).
private struct FuseRange {
  let handle: FuseHandle
  let offset: Int64
  let count: Int

  init(_ cursor: inout ChainCursor, _ memory: GuestMemory) throws(FuseError) {
    var bytes = InlineArray<40, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    guard cursor.read(into: &span, from: memory) == 40 else { throw .invalid }
    var reader = FieldReader(bytes)
    handle = FuseHandle(number: reader.next())
    let start: UInt64 = reader.next()
    count = Int(reader.next(UInt32.self))
    guard let offset = Int64(exactly: start), offset <= Int64.max - Int64(count) else { throw .invalid }
    self.offset = offset
  }
}
