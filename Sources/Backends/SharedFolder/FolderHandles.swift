import Devices
import GuestMemory
import LinuxSystem

/// What the guest has open. The numbers it names are checked: each is of one node, and never used again.
struct FolderHandles {
  private struct Opened {
    let file: NamedFile
    let node: FolderNode
    let writes: Bool
  }

  /// Slices one system call takes; a request of pages in the guest's memory has no more.
  private static let slicesPerCall = 128

  private let limit: Int
  private var opened: [FuseHandle: Opened] = [:]
  private var nextNumber: UInt64 = 1
  private var list: ScatterList?

  init(limit: Int) { self.limit = limit }

  var count: Int { opened.count }

  mutating func removeAll() { opened = [:] }

  func checkRoom() throws(FuseError) {
    guard opened.count < limit else { throw .tooManyFiles }
  }

  mutating func add(_ file: NamedFile, of node: FolderNode, writes: Bool) -> FuseHandle {
    let handle = FuseHandle(number: nextNumber)
    nextNumber += 1
    opened[handle] = Opened(file: file, node: node, writes: writes)
    return handle
  }

  /// - Returns: the node; nil for a handle that is not open.
  mutating func remove(_ handle: FuseHandle, of node: FuseNode) -> FolderNode? {
    guard let found = opened[handle], found.node.number == node.number else { return nil }
    opened[handle] = nil
    return found.node
  }

  /// - Parameter toWrite: nil where a directory will do.
  func file(_ handle: FuseHandle, of node: FuseNode, toWrite: Bool?) throws(FuseError) -> NamedFile {
    guard let found = opened[handle], found.node.number == node.number else { throw .badHandle }
    if toWrite != nil, found.node.isDirectory { throw .isADirectory }
    if toWrite == true, !found.writes { throw .badHandle }
    return found.file
  }

  func directory(_ handle: FuseHandle, of node: FuseNode) throws(FuseError) -> (NamedFile, FolderNode) {
    guard let found = opened[handle], found.node.number == node.number else { throw .badHandle }
    guard found.node.isDirectory else { throw .notADirectory }
    return (found.file, found.node)
  }

  /// Repeats `call` until all bytes are through, or it moves none.
  /// - Returns: the bytes moved; an error only where there are none.
  mutating func transfer(
    _ slices: [GuestSlice], of memory: GuestMemory, at offset: Int64,
    _ call: (ScatterList, UInt64) throws(SystemError) -> Int
  ) throws(FuseError) -> Int {
    let list = self.list ?? ScatterList(memory: memory, capacity: Self.slicesPerCall)
    self.list = list
    list.removeAll()
    var next = 0
    var done = 0
    while true {
      while next < slices.count, list.append(slices[next]) { next += 1 }
      if list.byteCount == 0 { return done }
      do throws(SystemError) {
        let count = try call(list, UInt64(offset) + UInt64(done))
        if count == 0 { return done }
        list.removeFirst(count)
        done += count
      } catch {
        if done > 0 { return done }
        throw FuseError(systemCode: error.code)
      }
    }
  }
}
