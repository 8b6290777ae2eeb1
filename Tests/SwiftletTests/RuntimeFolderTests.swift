import Configuration
import Foundation
import LinuxSystem
import Synchronization
import Testing

@testable import swiftlet

/// The folders of machines that run, seen by several processes at a time.
struct RuntimeFolderTests {
  /// Whoever makes a machine has its lock, however many look whether it is there.
  @Test func aNewMachineIsThereWhileOthersLook() throws {
    let base = try TemporaryFolder()
    let isOver = Mutex(false)
    let lookers = (0..<2).map { _ in
      Thread {
        while !isOver.withLock({ $0 }) { _ = RuntimeFolder.isInUse("\(base.path)/box") }
      }
    }
    for looker in lookers { looker.start() }
    for _ in 0..<300 {
      let folder = try RuntimeFolder(name: "box", in: base.path)
      // Another who looks makes no difference to the answer either.
      for _ in 0..<5 { #expect(RuntimeFolder.isInUse(folder.path)) }
      folder.remove()
      #expect(!FileManager.default.fileExists(atPath: folder.path))
    }
    isOver.withLock { $0 = true }
    for looker in lookers { while !looker.isFinished { usleep(1000) } }
  }

  /// A folder goes in its turn, and whole.
  @Test func aFolderStaysWholeWhileAnotherIsMade() throws {
    let base = try TemporaryFolder()
    let folder = try RuntimeFolder(name: "box", in: base.path)
    try Data("{}".utf8).write(to: URL(fileURLWithPath: folder.place("state.json")))
    let turn = try FileDescriptor(opening: base.path, O_RDONLY | O_DIRECTORY)
    #expect(try turn.takeTurn(waiting: true))
    nonisolated(unsafe) let removed = folder
    let remover = Thread { removed.remove() }
    remover.start()
    usleep(100_000)
    #expect(RuntimeFolder.names(in: folder.path) == ["lock", "state.json"])
    _ = consume turn
    while !remover.isFinished { usleep(1000) }
    #expect(RuntimeFolder.names(in: base.path) == [])
  }

  /// What has taken its place is not removed with it: the folder of all may have been removed meanwhile (at logout).
  @Test func anotherMachineOfTheNameIsLeftAlone() throws {
    let base = try TemporaryFolder()
    let first = try RuntimeFolder(name: "box", in: base.path)
    try FileManager.default.removeItem(atPath: first.path)
    let second = try RuntimeFolder(name: "box", in: base.path)
    first.remove()
    #expect(RuntimeFolder.isInUse(second.path))
  }

  /// What is left over goes with the next start; what is in use does not.
  @Test func whatIsLeftOverGoesWithTheNextStart() throws {
    let base = try TemporaryFolder()
    let other = try RuntimeFolder(name: "other", in: base.path)
    for name in ["locked-by-nobody", "without-lock"] {
      try FileManager.default.createDirectory(
        atPath: "\(base.path)/\(name)", withIntermediateDirectories: true)
    }
    try Data().write(to: URL(fileURLWithPath: "\(base.path)/locked-by-nobody/lock"))
    let new = try RuntimeFolder(name: "new", in: base.path)
    #expect(RuntimeFolder.names(in: base.path) == ["new", "other"])
    #expect(throws: Diagnostic.self) { try RuntimeFolder(name: "other", in: base.path) }
    #expect(RuntimeFolder.isInUse(other.path) && RuntimeFolder.isInUse(new.path))
  }

  /// Of machines that have failed the last ones are kept, but not where another takes the name.
  @Test func failuresAreKeptForAWhile() throws {
    let base = try TemporaryFolder()
    for number in 10..<30 {
      let folder = try RuntimeFolder(name: "box\(number)", in: base.path)
      try Data().write(to: URL(fileURLWithPath: folder.place("vsock")))
      try Data(#"{"startedAt": \#(number)}"#.utf8).write(to: URL(fileURLWithPath: folder.place("state.json")))
      var state = try MachineState(in: folder.path)
      state.failure = "reason \(number)"
      folder.leave(state)
      #expect(RuntimeFolder.names(in: folder.path) == ["lock", "state.json"])
    }
    let new = try RuntimeFolder(name: "box29", in: base.path)
    #expect(RuntimeFolder.names(in: new.path) == ["lock"])
    #expect(RuntimeFolder.names(in: base.path) == (13..<30).map { "box\($0)" })
    let presence = try RuntimeFolder.presence(of: "box13", in: base.path, orFailed: true)
    #expect(try MachineState(in: presence.folder).failure == "reason 13")
    #expect(throws: Diagnostic.self) { _ = try RuntimeFolder.presence(of: "box13", in: base.path) }
  }
}

/// A folder that only its owner can look into, removed in the end.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
