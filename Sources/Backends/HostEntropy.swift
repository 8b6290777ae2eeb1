public import Devices
import Glibc
public import GuestMemory
public import LinuxSystem

/// Random bytes from the host's kernel, read straight into guest memory.
///
/// From /dev/urandom, opened once, so that nothing need be opened, and no file system seen, while the guest runs.
public final class HostEntropy: EntropySource {
  private static let slicesPerCall = 64
  private let device: FileDescriptor
  private var list: ScatterList?

  public init() throws(SystemError) { device = try FileDescriptor(opening: "/dev/urandom", O_RDONLY) }

  /// At most `slicesPerCall` slices are filled at a time; the device gives fewer bytes than asked only then.
  public func fill(_ slices: [GuestSlice], of memory: GuestMemory) -> Int {
    let list = self.list ?? ScatterList(memory: memory, capacity: Self.slicesPerCall)
    self.list = list
    list.removeAll()
    for slice in slices where !list.append(slice) { break }
    var done = 0
    while list.byteCount > 0, let count = try? list.readStream(from: device), count > 0 {
      list.removeFirst(count)
      done += count
    }
    return done
  }
}
