public import GuestMemory

/// The host's end of a network device: takes and gives Ethernet frames without their checksum, and does not wait.
/// Belongs to the I/O thread.
public protocol NetBackend: AnyObject {
  /// What it can do in place of the guest, and can have the guest do.
  var offloads: NetOffloads { get }

  /// The driver is ready; frames may come and go from here on.
  /// - Parameter offloads: what may be left to the guest.
  func begin(leavingToGuest offloads: NetOffloads)

  /// Takes a frame of at most ``NetDevice/frameLimit`` bytes, or drops it for good.
  /// - Returns: false, with nothing taken, where it would have to wait: then whoever implements this calls
  ///   ``NetDevice/resumeTransmit()`` when there is room.
  func send(_ header: NetHeader, _ frame: [GuestSlice], of memory: GuestMemory) -> Bool

  /// No more frames come for now: what was kept to be sent together goes.
  func flush()

  /// Puts the next frame into the front of `room`.
  /// - Parameter room: at most as many bytes as a frame can have count.
  func receive(into room: [GuestSlice], of memory: GuestMemory) -> NetReceived

  /// Forgets the frame that did not fit.
  func dropFrame()
}

/// What a backend found to receive.
public enum NetReceived {
  /// A frame of so many bytes, 1 or more.
  case frame(count: Int, NetHeader)
  /// The next frame has so many bytes, more than there is room for; it stays the next one.
  case tooLong(count: Int)
  /// Nothing now. Whoever implements this calls ``NetDevice/noteReadable()`` when there is something.
  case none
}
