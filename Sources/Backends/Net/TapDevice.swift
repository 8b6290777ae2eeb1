public import Devices
import Glibc
public import GuestMemory
public import LinuxSystem

/// A tap of the host: frames go between it and the guest's memory by one system call each.
public final class TapDevice: NetConnection {
  private static let slicesPerCall = 1024

  public let offloads: NetOffloads
  private let tap: FileDescriptor
  private var list: ScatterList?
  private var handler: ((NetReadiness) -> Void)?
  private var isGone = false
  /// A frame behind its header, read while the guest had too little room.
  private var held: [UInt8] = []
  private var heldCount = 0

  /// - Parameter tap: as ``TapInterface/open(_:)`` gives it.
  /// - Throws: where `tap` is something else.
  public init(_ tap: consuming FileDescriptor) throws(SystemError) {
    // Whoever lent it may have opened it otherwise.
    try tap.setNonBlocking(true)
    try TapInterface.leave([], to: tap)
    var offloads = NetOffloads.all
    // A kernel that cannot leave it all to the reader is taken to do nothing of it.
    do throws(SystemError) { try TapInterface.leave(TapInterface.Offloads(.all), to: tap) } catch {
      offloads = []
    }
    try TapInterface.leave([], to: tap)
    self.offloads = offloads
    self.tap = tap
  }

  public func begin(
    on loop: EventLoop, _ handler: @escaping (NetReadiness) -> Void
  ) throws(SystemError) {
    self.handler = handler
    _ = try loop.register(tap, [.readable, .writable, .onChange]) { interest in
      handler(NetReadiness(interest))
    }
  }

  public func begin(leavingToGuest offloads: NetOffloads) {
    // The kernel took all of them when it was asked before.
    try? TapInterface.leave(TapInterface.Offloads(offloads), to: tap)
  }

  public func send(_ header: NetHeader, _ frame: [GuestSlice], of memory: GuestMemory) -> Bool {
    if isGone { return true }
    let list = list(memory)
    let bytes = header.encoded
    list.begin(with: bytes.span)
    // A frame in more pieces than one call takes is none that a driver makes.
    for slice in frame where !list.append(slice) { return true }
    do throws(SystemError) { _ = try list.writeStream(to: tap) } catch {
      // Any other failure concerns this frame only, as while the interface is down.
      return error.code != EAGAIN
    }
    return true
  }

  public func flush() {}

  public func receive(into room: [GuestSlice], of memory: GuestMemory) -> NetReceived {
    if isGone { return .none }
    if heldCount > 0 { return receiveHeld(room, memory) }
    let list = list(memory)
    list.beginWithRoom(for: NetHeader.size)
    for slice in room where !list.append(slice) { break }
    // What does not fit would be cut off, so there must be room for any frame.
    guard list.byteCount >= NetHeader.size + NetDevice.frameLimit else { return hold(room, memory) }
    guard let count = taken({ () throws(SystemError) in try list.readStream(from: tap) }) else {
      return .none
    }
    return .frame(count: count, NetHeader { list.ownByte($0) })
  }

  public func dropFrame() { heldCount = 0 }

  private func list(_ memory: GuestMemory) -> ScatterList {
    let list = self.list ?? ScatterList(memory: memory, capacity: Self.slicesPerCall)
    self.list = list
    return list
  }

  /// Reads by way of a buffer of the host's.
  private func hold(_ room: [GuestSlice], _ memory: GuestMemory) -> NetReceived {
    if held.isEmpty { held = [UInt8](repeating: 0, count: NetHeader.size + NetDevice.frameLimit) }
    let count = taken { () throws(SystemError) in try tap.read(into: &held) }
    guard let count else { return .none }
    heldCount = count
    return receiveHeld(room, memory)
  }

  private func receiveHeld(_ room: [GuestSlice], _ memory: GuestMemory) -> NetReceived {
    let frame = NetHeader.size..<(NetHeader.size + heldCount)
    guard memory.copyIn(held.span.extracting(frame), to: room) else { return .tooLong(count: heldCount) }
    let count = heldCount
    heldCount = 0
    return .frame(count: count, NetHeader { held[$0] })
  }

  /// The length of the frame that `read` found, nil where it found none.
  private func taken(_ read: () throws(SystemError) -> Int) -> Int? {
    do throws(SystemError) {
      let count = try read()
      if count > NetHeader.size { return count - NetHeader.size }
      lose()
    } catch {
      if error.code != EAGAIN { lose() }
    }
    return nil
  }

  private func lose() {
    if !isGone { handler?(.gone) }
    isGone = true
  }
}

extension NetReadiness {
  init(_ interest: EventLoop.Interest) {
    self = []
    if !interest.isDisjoint(with: [.readable, .hangUp]) { insert(.receive) }
    if !interest.isDisjoint(with: [.writable, .hangUp]) { insert(.transmit) }
  }
}

extension NetHeader {
  /// The header whose bytes `byte` gives.
  init(_ byte: (Int) -> UInt8) {
    var bytes = InlineArray<12, UInt8>(repeating: 0)
    for index in 0..<NetHeader.size { bytes[index] = byte(index) }
    self.init(bytes)
  }
}

extension TapInterface.Offloads {
  init(_ offloads: NetOffloads) {
    self = []
    if offloads.contains(.checksum) { insert(.checksum) }
    if offloads.contains(.tcp4Segments) { insert(.tcp4Segments) }
    if offloads.contains(.tcp6Segments) { insert(.tcp6Segments) }
    if offloads.contains(.congestionBits) { insert(.congestionBits) }
  }
}

extension GuestMemory {
  /// Copies all of `bytes` to the front of `room`.
  /// - Returns: false, with nothing copied, where it is too small.
  func copyIn(_ bytes: Span<UInt8>, to room: [GuestSlice]) -> Bool {
    guard room.reduce(0, { $0 + $1.count }) >= bytes.count else { return false }
    var done = 0
    for slice in room where done < bytes.count {
      let count = min(slice.count, bytes.count - done)
      // The part is no longer than the slice.
      try? copyIn(bytes.extracting(done..<(done + count)), to: slice)
      done += count
    }
    return true
  }
}
