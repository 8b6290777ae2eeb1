public import Devices
import Glibc
public import GuestMemory
public import LinuxSystem

/// Files and directories that the guest has open.
extension SharedDirectory {
  /// Opens the file of a node, once it has been seen that it is one that may be opened, and that it is the one.
  func openFile(_ node: FolderNode, _ flags: Int32) throws(FuseError) -> NamedFile {
    if node.isDirectory {
      let directory = try nodes.file(node)
      return NamedFile(try host { () throws(SystemError) in try directory.file.reopenDirectory() })
    }
    // A guest's kernel serves pipes, sockets and devices itself.
    guard node.isRegular else { throw .noSuchDevice }
    let (directory, name) = try place(node)
    let file = try host { () throws(SystemError) in try directory.file.open(beneath: name, flags) }
    // The host may have put another file there in between.
    guard try host({ () throws(SystemError) in try file.details().identity }) == node.identity else {
      throw .stale
    }
    return NamedFile(file)
  }

  public func open(_ number: FuseNode, _ opening: FuseOpening) throws(FuseError) -> FuseOpened {
    let node = try nodes.node(number)
    if opening.writes || opening.truncates { try checkWritable() }
    if node.isDirectory { throw .isADirectory }
    try handles.checkRoom()
    return try keep(openFile(node, opening.flags), of: node, opening)
  }

  private func keep(
    _ file: NamedFile, of node: FolderNode, _ opening: FuseOpening
  ) throws(FuseError) -> FuseOpened {
    let changed = try host { () throws(SystemError) in
      if opening.truncates { try file.file.setLength(0) }
      return try file.file.details().changed
    }
    let keepsCache = node.cachedChange == changed
    // A change in the same tick of the clock would leave the same time.
    node.cachedChange = changed.seconds + 1 < wallClock() ? changed : nil
    // The descriptor that names the file is kept while it is open, for what is asked without a handle.
    _ = try nodes.file(node)
    let handle = handles.add(file, of: node, writes: opening.writes)
    nodes.opened(node)
    return FuseOpened(handle: handle, keepsCache: keepsCache)
  }

  public func create(
    _ name: FileName, in parent: FuseNode, mode: UInt32, _ opening: FuseOpening, isExclusive: Bool
  ) throws(FuseError) -> (FuseEntry, FuseOpened) {
    try checkWritable()
    let node = try nodes.directory(parent)
    let directory = try nodes.file(node)
    guard nodes.hasRoom else { throw .tooManyFiles }
    try handles.checkRoom()
    let made: NamedFile
    do throws(SystemError) {
      made = try newFile(name, in: directory, opening.flags, mode)
    } catch {
      guard error.code == EEXIST, !isExclusive else { throw FuseError(systemCode: error.code) }
      return try told(entry(name, in: node, directory)) { entry throws(FuseError) in
        try open(entry.node, opening)
      }
    }
    let identity = try host { () throws(SystemError) in try made.file.details().identity }
    return try told(entry(name, in: node, directory)) { entry throws(FuseError) in
      guard entry.details.identity == identity else { throw .stale }
      return try keep(made, of: nodes.node(entry.node), opening)
    }
  }

  /// Never opens what is there already: that could be a pipe or a device.
  func newFile(
    _ name: FileName, in directory: NamedFile, _ flags: Int32, _ mode: UInt32
  ) throws(SystemError) -> NamedFile {
    NamedFile(
      try directory.file.open(beneath: name, flags | O_CREAT | O_EXCL, mode: mode & Self.settableMode))
  }

  /// Does more for an entry that the guest will be told of only if that succeeds.
  private func told(
    _ entry: FuseEntry, _ body: (FuseEntry) throws(FuseError) -> FuseOpened
  ) throws(FuseError) -> (FuseEntry, FuseOpened) {
    do throws(FuseError) { return (entry, try body(entry)) } catch {
      nodes.forget(entry.node, count: 1)
      throw error
    }
  }

  public func openDirectory(_ number: FuseNode) throws(FuseError) -> FuseHandle {
    let node = try nodes.directory(number)
    try handles.checkRoom()
    let file = try openFile(node, O_RDONLY)
    nodes.opened(node)
    return handles.add(file, of: node, writes: false)
  }

  public func close(_ handle: FuseHandle, of node: FuseNode) {
    if let closed = handles.remove(handle, of: node) { nodes.closed(closed) }
  }

  public func read(
    _ handle: FuseHandle, of node: FuseNode, at offset: Int64, into slices: [GuestSlice],
    of memory: GuestMemory
  ) throws(FuseError) -> Int {
    let file = try handles.file(handle, of: node, toWrite: false)
    return try handles.transfer(slices, of: memory, at: offset) { list, offset throws(SystemError) in
      try list.read(from: file.file, at: offset)
    }
  }

  public func write(
    _ handle: FuseHandle, of node: FuseNode, at offset: Int64, _ slices: [GuestSlice], of memory: GuestMemory
  ) throws(FuseError) -> Int {
    try checkWritable()
    let file = try handles.file(handle, of: node, toWrite: true)
    return try handles.transfer(slices, of: memory, at: offset) { list, offset throws(SystemError) in
      try list.write(to: file.file, at: offset)
    }
  }

  public func synchronize(_ handle: FuseHandle, of node: FuseNode, dataOnly: Bool) throws(FuseError) {
    let file = try handles.file(handle, of: node, toWrite: nil)
    // The guest has written nothing, and a monitor with no writable share may not even ask.
    if isReadOnly { return }
    try host { () throws(SystemError) in
      if dataOnly { try file.file.synchronize() } else { try file.file.synchronizeAll() }
    }
  }

  public func allocate(
    _ handle: FuseHandle, of node: FuseNode, _ allocation: FuseAllocation
  ) throws(FuseError) {
    try checkWritable()
    let file = try handles.file(handle, of: node, toWrite: true)
    try host { () throws(SystemError) in
      try file.file.allocate(mode: allocation.mode, at: allocation.offset, count: allocation.count)
    }
  }

  public func next(
    hole: Bool, from offset: Int64, _ handle: FuseHandle, of node: FuseNode
  ) throws(FuseError) -> Int64 {
    let file = try handles.file(handle, of: node, toWrite: false)
    return try host { () throws(SystemError) in try file.file.next(hole: hole, from: offset) }
  }

  // MARK: Lists

  public func readDirectory(
    _ handle: FuseHandle, of number: FuseNode, from position: Int64, into list: inout FuseDirectoryList
  ) throws(FuseError) {
    let (opened, node) = try handles.directory(handle, of: number)
    // One that the host has moved out of the shared directory is not listed any more.
    let directory = try nodes.file(node)
    let isRoot = node === nodes.root
    // Entries come with their nodes about six times as long as from the kernel: no more are read than fit.
    let bufferSize = max(list.hasNodes ? list.limit / 4 : list.limit, 512)
    _ = try host { () throws(SystemError) in
      try opened.file.readEntries(from: position, bufferSize: bufferSize) { found in
        guard list.hasRoom(for: found.name) else { return false }
        var entry: FuseEntry?
        if list.hasNodes, let name = FileName(found.name) {
          entry = try? self.entry(name, in: node, directory)
        }
        list.append(isRoot ? found.withinRoot(nodes.root.identity.number) : found, entry)
        return true
      }
    }
  }
}

extension FuseOpening {
  /// For openat2(2).
  fileprivate var flags: Int32 {
    // Truncated once it is known to be the right file, which takes one that is open for writing.
    var flags = writes || truncates ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY
    if appends { flags |= O_APPEND }
    if isDataSynchronous { flags |= O_DSYNC }
    if isSynchronous { flags |= O_SYNC }
    return flags
  }
}

extension DirectoryEntry {
  /// What is above the shared directory has no number for the guest.
  fileprivate func withinRoot(_ number: UInt64) -> DirectoryEntry {
    let isAbove = name.elementsEqual("..".utf8)
    return isAbove ? DirectoryEntry(name: name, number: number, next: next, type: type) : self
  }
}
