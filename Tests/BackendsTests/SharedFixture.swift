import Devices
import Foundation
import GuestMemory
import LinuxSystem

@testable import Backends

/// A shared directory in a folder that is gone with the test, next to one that is not shared.
final class SharedFixture {
  let folder: TemporaryFolder
  let memory: GuestMemory
  let shared: SharedDirectory
  /// What the shared directory takes for the time, in nanoseconds.
  private let clock: ManualClock

  final class ManualClock {
    var now: UInt64 = 1
  }

  /// - Parameter prepare: makes what is there before; shell commands, in the folder above the shared one.
  init(
    writable: Bool = true, prepare: String = "", nodes: Int = 1000, descriptors: Int = 100
  ) throws {
    folder = try TemporaryFolder()
    memory = try GuestMemory(size: 4 << 20)
    let clock = ManualClock()
    self.clock = clock
    try Self.shell("mkdir share outside; echo secret > outside/secret; \(prepare)", in: folder.path)
    var limits = SharedDirectory.Limits(descriptors: descriptors)
    limits.nodes = nodes
    shared = try SharedDirectory(
      path: folder.path + "/share", isReadOnly: !writable, limits: limits, now: { clock.now })
  }

  /// What was found before is looked for again.
  func letTimePass() { clock.now += FolderNodes.trustTime }

  /// Commands of the host, in the folder above the shared one.
  func shell(_ commands: String) throws { try Self.shell(commands, in: folder.path) }

  private static func shell(_ commands: String, in folder: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-ec", commands]
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CommandFailed(commands: commands) }
  }

  struct CommandFailed: Error { let commands: String }

  func contents(_ path: String) throws -> String {
    try String(contentsOfFile: folder.path + "/" + path, encoding: .utf8)
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: folder.path + "/" + path) }

  // MARK: As the guest

  func name(_ text: String) -> FileName {
    guard let name = FileName(Array(text.utf8)) else { fatalError("\(text) is no name") }
    return name
  }

  /// Looks each part of a path up.
  @discardableResult
  func find(_ path: String) throws(FuseError) -> FuseNode {
    var node = FuseNode.root
    for part in path.split(separator: "/") { node = try shared.lookUp(name(String(part)), in: node).node }
    return node
  }

  func openToRead(_ node: FuseNode) throws(FuseError) -> FuseHandle {
    try shared.open(node, FuseOpening()).handle
  }

  func openToWrite(_ node: FuseNode) throws(FuseError) -> FuseHandle {
    try shared.open(node, Self.writing).handle
  }

  static let writing = opening { $0.writes = true }

  static func opening(_ edit: (inout FuseOpening) -> Void) -> FuseOpening {
    var opening = FuseOpening()
    edit(&opening)
    return opening
  }

  static func change(_ edit: (inout FuseChange) -> Void) -> FuseChange {
    var change = FuseChange()
    edit(&change)
    return change
  }

  func read(_ handle: FuseHandle, of node: FuseNode, at offset: Int64 = 0, count: Int = 100) throws -> String
  {
    let slices = [
      try memory.slice(at: GuestAddress(0x1000), count: UInt64(count / 3)),
      try memory.slice(at: GuestAddress(0x9000), count: UInt64(count - count / 3)),
    ]
    let done = try shared.read(handle, of: node, at: offset, into: slices, of: memory)
    return String(decoding: slices.flatMap { memory.bytes($0) }.prefix(done), as: UTF8.self)
  }

  /// Looks a file up, opens and reads it.
  func contentsAsGuest(_ path: String) throws -> String {
    let node = try find(path)
    let handle = try openToRead(node)
    defer { shared.close(handle, of: node) }
    return try read(handle, of: node)
  }

  @discardableResult
  func write(_ text: String, _ handle: FuseHandle, of node: FuseNode, at offset: Int64 = 0) throws(FuseError)
    -> Int
  {
    guard let slice = try? memory.slice(at: GuestAddress(0x2000), count: UInt64(text.utf8.count)) else {
      return -1
    }
    try? memory.copyIn(Array(text.utf8).span, to: slice)
    return try shared.write(handle, of: node, at: offset, [slice], of: memory)
  }

  /// Why an operation failed; 0 where it did not.
  func code(_ body: () throws(FuseError) -> Void) -> Int32 {
    do throws(FuseError) {
      try body()
      return 0
    } catch {
      return error.code
    }
  }

  /// Why a change is refused; 0 where it is done.
  func refusal(_ node: FuseNode, _ change: FuseChange) -> Int32 {
    code { () throws(FuseError) in _ = try shared.change(node, change) }
  }
}
