import Devices
import Glibc
import GuestMemory
import LinuxSystem

/// The transfers of a disk that the kernel does while the guest goes on. Belongs to the I/O thread.
///
/// Each has a place with a list of its buffers, which stays as it is until the kernel's answer, and keeps the guest's
/// memory alive; whatever becomes of the device meanwhile.
final class DiskRing {
  private final class Job {
    let list: ScatterList
    /// Nil for a flush.
    var kind: BlockTransfer?
    var offset: UInt64 = 0
    var ticket: UInt64 = 0

    init(memory: GuestMemory) {
      list = ScatterList(memory: memory, capacity: DiskFile.slicesPerCall)
    }
  }

  private let ring: IORing
  private var jobs: [Job] = []
  private var free: [Int] = []
  /// For flushes where no transfer has come before.
  private var memory: GuestMemory?

  /// - Parameter wake: outlives this.
  init(wake: borrowing EventDescriptor) throws(SystemError) {
    ring = try IORing(capacity: BlockDevice.pendingLimit, wake: wake)
  }

  deinit { settle() }

  /// - Returns: nil where the transfer is none for the ring: of too many pieces, or not aligned on a direct disk.
  func begin(
    _ kind: BlockTransfer, _ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64,
    _ disk: DiskFile,
    ticket: UInt64
  ) -> BlockOutcome? {
    guard slices.count <= DiskFile.slicesPerCall, !slices.isEmpty else { return nil }
    guard ring.hasRoom else { return .busy }
    self.memory = memory
    let place = takePlace(memory)
    let job = jobs[place]
    job.list.removeAll()
    for slice in slices { _ = job.list.append(slice) }
    if let direct = disk.direct, !direct.takes(job.list, at: offset) || !direct.takesBuffers(of: job.list) {
      free.append(place)
      return nil
    }
    (job.kind, job.offset, job.ticket) = (kind, offset, ticket)
    prepare(place, disk)
    return .pending
  }

  func beginFlush(_ disk: DiskFile, ticket: UInt64) -> BlockOutcome {
    guard ring.hasRoom else { return .busy }
    guard let memory else { return disk.synchronize() }
    let place = takePlace(memory)
    jobs[place].kind = nil
    jobs[place].ticket = ticket
    ring.prepareSynchronize(disk.file, tag: UInt64(place))
    return .pending
  }

  func submit() { ring.submit() }

  /// Tells the disk's client of each answer; what was done in part goes on.
  func reap(_ disk: DiskFile) {
    while let (tag, result) = ring.nextAnswer() {
      let place = Int(tag)
      let job = jobs[place]
      guard let outcome = outcome(of: job, result, disk) else {
        prepare(place, disk)
        continue
      }
      free.append(place)
      disk.client?.finished(job.ticket, outcome)
    }
    ring.submit()
  }

  /// Waits for every answer and tells nobody.
  func settle() {
    while ring.waitForAnswer() {
      while let (tag, _) = ring.nextAnswer() { free.append(Int(tag)) }
    }
  }

  private func takePlace(_ memory: GuestMemory) -> Int {
    if let place = free.popLast() { return place }
    jobs.append(Job(memory: memory))
    return jobs.count - 1
  }

  private func prepare(_ place: Int, _ disk: DiskFile) {
    let job = jobs[place]
    if let direct = disk.direct, direct.takes(job.list, at: job.offset) {
      prepare(job, on: direct.descriptor, tag: UInt64(place))
    } else {
      prepare(job, on: disk.file, tag: UInt64(place))
    }
  }

  private func prepare(_ job: Job, on file: borrowing FileDescriptor, tag: UInt64) {
    if job.kind == .read {
      job.list.prepareRead(on: ring, from: file, at: job.offset, tag: tag)
    } else {
      job.list.prepareWrite(on: ring, to: file, at: job.offset, isStable: job.kind == .stableWrite, tag: tag)
    }
  }

  /// Nil where there is more to do.
  private func outcome(of job: Job, _ result: Int, _ disk: DiskFile) -> BlockOutcome? {
    guard let kind = job.kind else {
      return result >= 0 ? .done : disk.failFlush(SystemError(call: "fdatasync", code: Int32(-result)))
    }
    if result == -Int(EINTR) { return nil }
    do throws(SystemError) {
      guard result >= 0 else { throw SystemError(call: "read or write", code: Int32(-result)) }
      let count = result > 0 ? result : try disk.fillTail(kind, job.list, at: job.offset)
      job.list.removeFirst(count)
      job.offset += UInt64(count)
      return job.list.byteCount == 0 ? .done : nil
    } catch {
      return disk.fail(error)
    }
  }
}
