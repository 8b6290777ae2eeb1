import GuestMemory
import LinuxSystem

/// Writes guest memory to descriptors that take streams of bytes and do not wait.
final class GuestWriter {
  private static let slicesPerCall = 64
  private var list: ScatterList?

  /// Writes the bytes of `slices` in order until all are taken or the rest would have to wait.
  /// - Returns: how many were taken.
  /// - Throws: where the descriptor takes nothing any more.
  func write(
    _ slices: [GuestSlice], of memory: GuestMemory, to descriptor: borrowing FileDescriptor
  ) throws(SystemError) -> Int {
    let list = self.list ?? ScatterList(memory: memory, capacity: Self.slicesPerCall)
    self.list = list
    list.removeAll()
    var next = 0
    var done = 0
    while true {
      while next < slices.count, list.append(slices[next]) { next += 1 }
      if list.byteCount == 0 { return done }
      do throws(SystemError) {
        let count = try list.writeStream(to: descriptor)
        list.removeFirst(count)
        done += count
      } catch {
        if error.code == SystemError.tryAgain { return done }
        throw error
      }
    }
  }
}
