import GuestMemory
import LinuxSystem

/// Writes guest memory to streams of bytes that are not waited for.
final class GuestWriter {
  private static let slicesPerCall = 64
  private var list: ScatterList?

  /// Writes the bytes of `slices` in order until all are taken or the rest would have to wait.
  /// - Parameter call: writes what the stream takes of the list, and throws EAGAIN where that is nothing now.
  /// - Returns: how many were taken.
  /// - Throws: where the stream takes nothing any more.
  func write(
    _ slices: [GuestSlice], of memory: GuestMemory, _ call: (ScatterList) throws(SystemError) -> Int
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
        let count = try call(list)
        list.removeFirst(count)
        done += count
      } catch {
        if error.code == SystemError.tryAgain { return done }
        throw error
      }
    }
  }
}
