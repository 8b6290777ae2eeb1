package import Devices
package import GuestMemory
package import LinuxSystem

/// A folder that notes what it is asked for, and has one file.
package final class FakeFolder: SharedFolder {
  package private(set) var calls: [String] = []
  package var failure: FuseError?
  package var contents: [UInt8] = []
  package var entries: [String] = []

  package init() {}

  package func takeCalls() -> [String] {
    defer { calls = [] }
    return calls
  }

  private func note(_ call: String) throws(FuseError) {
    calls.append(call)
    if let failure { throw failure }
  }

  private var details: FileDetails {
    var details = FileDetails()
    details.identity.number = 77
    details.mode = 0o100644
    details.size = UInt64(contents.count)
    details.modified = .init(seconds: 5, nanoseconds: 6)
    (details.deviceMajor, details.deviceMinor) = (0x12, 0x345)
    return details
  }

  private var entry: FuseEntry { FuseEntry(node: FuseNode(number: 2), details: details) }

  package func beginSession() { calls.append("begin") }
  package func lookUp(_ name: FileName, in parent: FuseNode) throws(FuseError) -> FuseEntry {
    try note("look up \(name) in \(parent.number)")
    return entry
  }
  package func forget(_ node: FuseNode, count: UInt64) { calls.append("forget \(node.number) \(count)") }
  package func details(of node: FuseNode) throws(FuseError) -> FileDetails {
    try note("details \(node.number)")
    return details
  }
  package func change(_ node: FuseNode, _ change: FuseChange) throws(FuseError) -> FileDetails {
    try note("change \(node.number) \(change)")
    return details
  }
  package func linkTarget(of node: FuseNode) throws(FuseError) -> [UInt8] {
    try note("target \(node.number)")
    return Array("/etc/passwd".utf8)
  }
  package func fileSystemStatus() throws(FuseError) -> FileSystemStatus {
    try note("status")
    return FileSystemStatus()
  }
  package func make(_ entry: FuseNewEntry, _ name: FileName, in parent: FuseNode) throws(FuseError)
    -> FuseEntry
  {
    try note("make \(name) \(entry)")
    return self.entry
  }
  package func link(_ node: FuseNode, _ name: FileName, in parent: FuseNode) throws(FuseError) -> FuseEntry {
    try note("link \(node.number) \(name) in \(parent.number)")
    return entry
  }
  package func remove(_ name: FileName, in parent: FuseNode, isDirectory: Bool) throws(FuseError) {
    try note("remove \(name) \(isDirectory)")
  }
  package func rename(
    _ name: FileName, in parent: FuseNode, to newName: FileName, in newParent: FuseNode, flags: UInt32
  ) throws(FuseError) {
    try note("rename \(name) in \(parent.number) to \(newName) in \(newParent.number) \(flags)")
  }
  package func open(_ node: FuseNode, _ opening: FuseOpening) throws(FuseError) -> FuseOpened {
    try note("open \(node.number)\(opening.writes ? " to write" : "")\(opening.truncates ? " empty" : "")")
    return FuseOpened(handle: FuseHandle(number: 9), keepsCache: true)
  }
  package func create(
    _ name: FileName, in parent: FuseNode, mode: UInt32, _ opening: FuseOpening, isExclusive: Bool
  ) throws(FuseError) -> (FuseEntry, FuseOpened) {
    try note("create \(name) \(mode) \(isExclusive)")
    return (entry, FuseOpened(handle: FuseHandle(number: 9), keepsCache: false))
  }
  package func openDirectory(_ node: FuseNode) throws(FuseError) -> FuseHandle {
    try note("open directory \(node.number)")
    return FuseHandle(number: 10)
  }
  package func close(_ handle: FuseHandle, of node: FuseNode) { calls.append("close \(handle.number)") }
  package func read(
    _ handle: FuseHandle, of node: FuseNode, at offset: Int64, into slices: [GuestSlice],
    of memory: GuestMemory
  ) throws(FuseError) -> Int {
    try note("read \(handle.number) at \(offset), \(slices.reduce(0) { $0 + $1.count })")
    var place = min(Int(offset), contents.count)
    let start = place
    for slice in slices {
      let part = Array(contents[place...].prefix(slice.count))
      try? memory.copyIn(part.span.bytes, to: slice)
      place += part.count
    }
    return place - start
  }
  package func write(
    _ handle: FuseHandle, of node: FuseNode, at offset: Int64, _ slices: [GuestSlice], of memory: GuestMemory
  ) throws(FuseError) -> Int {
    try note("write \(handle.number) at \(offset)")
    contents += slices.flatMap { memory.bytes($0) }
    return slices.reduce(0) { $0 + $1.count }
  }
  package func readDirectory(
    _ handle: FuseHandle, of node: FuseNode, from position: Int64, into list: inout FuseDirectoryList
  ) throws(FuseError) {
    try note("list \(handle.number) from \(position), \(list.limit)")
    for (index, name) in entries.enumerated().dropFirst(Int(position)) {
      let found = DirectoryEntry(name: Array(name.utf8), number: 7, next: Int64(index) + 1, type: 8)
      guard list.hasRoom(for: found.name) else { return }
      list.append(found, name == "." ? nil : entry)
    }
  }
  package func synchronize(_ handle: FuseHandle, of node: FuseNode, dataOnly: Bool) throws(FuseError) {
    try note("synchronize \(handle.number) \(dataOnly)")
  }
  package func allocate(
    _ handle: FuseHandle, of node: FuseNode, _ allocation: FuseAllocation
  ) throws(FuseError) { try note("allocate \(allocation.mode) \(allocation.offset) \(allocation.count)") }
  package func next(
    hole: Bool, from offset: Int64, _ handle: FuseHandle, of node: FuseNode
  ) throws(FuseError) -> Int64 {
    try note("next \(hole) \(offset)")
    return 4096
  }
}
