package import CLinux
import CURing
import Glibc

/// Transfers that the kernel does while the caller goes on (io_uring(7), through liburing).
///
/// Not Sendable: it belongs to one thread. What is handed to the kernel (buffers and the lists of them) must stay as
/// it is until the answer with its tag is taken; the end of the ring waits for all of them.
public final class IORing {
  private let ring: UnsafeMutablePointer<io_uring>
  /// Transfers without an answer yet.
  public private(set) var inFlight = 0
  private let capacity: Int
  private var isUnsubmitted = false

  /// - Parameters:
  ///   - capacity: the most transfers in flight.
  ///   - wake: signalled when there is an answer; must outlive the ring.
  /// - Throws: ENOSYS, EPERM or EACCES where the host does not allow it.
  public init(capacity: Int, wake: borrowing EventDescriptor) throws(SystemError) {
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    ring.initialize(to: io_uring())
    let result = io_uring_queue_init(UInt32(capacity), ring, UInt32(IORING_SETUP_R_DISABLED))
    guard result == 0 else {
      ring.deallocate()
      throw SystemError(call: "io_uring_setup", code: -result)
    }
    var registered = io_uring_register_eventfd(ring, wake.descriptor.raw)
    if registered == 0 { registered = IORing.restrict(ring) }
    guard registered == 0 else {
      io_uring_queue_exit(ring)
      ring.deallocate()
      throw SystemError(call: "io_uring_register", code: -registered)
    }
    self.ring = ring
    self.capacity = capacity
  }

  /// Has the ring take no operations but those below, ever: a filter of system calls does not see what goes through it.
  private static func restrict(_ ring: UnsafeMutablePointer<io_uring>) -> Int32 {
    var allowed = [IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC].map { operation in
      var restriction = io_uring_restriction()
      restriction.opcode = UInt16(IORING_RESTRICTION_SQE_OP)
      restriction.sqe_op = UInt8(operation.rawValue)
      return restriction
    }
    let descriptor = ring.pointee.ring_fd
    let count = UInt32(allowed.count)
    let result = allowed.withUnsafeMutableBytes {
      clinux_ring_restrict(descriptor, $0.baseAddress, count)
    }
    return Int32(result == 0 ? clinux_ring_enable(descriptor) : result)
  }

  deinit {
    while inFlight > 0, waitForAnswer() { _ = nextAnswer() }
    io_uring_queue_exit(ring)
    ring.deallocate()
  }

  /// Whether one more transfer fits.
  public var hasRoom: Bool { inFlight < capacity }

  /// Prepares a read at `offset` into the `count` buffers of `entries`.
  package func prepareRead(
    from file: borrowing FileDescriptor, _ entries: UnsafePointer<iovec>, count: Int, at offset: UInt64,
    tag: UInt64
  ) {
    prepare(tag) { io_uring_prep_readv($0, file.raw, entries, UInt32(count), offset) }
  }

  /// Prepares a write at `offset` of the `count` buffers of `entries`; `isStable` where the answer is to come only when
  /// the data is on stable storage.
  package func prepareWrite(
    to file: borrowing FileDescriptor, _ entries: UnsafePointer<iovec>, count: Int, at offset: UInt64,
    isStable: Bool, tag: UInt64
  ) {
    prepare(tag) {
      io_uring_prep_writev2($0, file.raw, entries, UInt32(count), offset, isStable ? Int32(RWF_DSYNC) : 0)
    }
  }

  /// Prepares to bring what was written before to stable storage, as fdatasync(2).
  public func prepareSynchronize(_ file: borrowing FileDescriptor, tag: UInt64) {
    prepare(tag) { io_uring_prep_fsync($0, file.raw, UInt32(IORING_FSYNC_DATASYNC)) }
  }

  private func prepare(_ tag: UInt64, _ fill: (UnsafeMutablePointer<io_uring_sqe>) -> Void) {
    precondition(hasRoom, "more transfers than the ring has room for")
    // There are as many places as there may be transfers, and each is free again once it is submitted.
    guard let entry = io_uring_get_sqe(ring) else { preconditionFailure("the submission queue is full") }
    fill(entry)
    io_uring_sqe_set_data64(entry, tag)
    inFlight += 1
    isUnsubmitted = true
  }

  /// Hands what is prepared to the kernel.
  public func submit() {
    guard isUnsubmitted else { return }
    isUnsubmitted = false
    var result: Int32
    repeat { result = io_uring_submit(ring) } while result == -EINTR || result == -EAGAIN || result == -EBUSY
    precondition(result >= 0, "io_uring_enter: \(errorText(-result))")
  }

  /// The next answer: its tag, and the bytes moved or the negated error number; nil if there is none.
  public func nextAnswer() -> (tag: UInt64, result: Int)? {
    var answer: UnsafeMutablePointer<io_uring_cqe>?
    guard io_uring_peek_cqe(ring, &answer) == 0, let answer else { return nil }
    defer { io_uring_cqe_seen(ring, answer) }
    inFlight -= 1
    return (answer.pointee.user_data, Int(answer.pointee.res))
  }

  /// Waits until there is an answer, where one is due.
  /// - Returns: whether there is one.
  public func waitForAnswer() -> Bool {
    submit()
    guard inFlight > 0 else { return false }
    var answer: UnsafeMutablePointer<io_uring_cqe>?
    var result: Int32
    repeat { result = io_uring_wait_cqe(ring, &answer) } while result == -EINTR
    return result == 0
  }
}
