import Backends
import DeviceFakes
import Devices
import Foundation
import GuestMemory
import LinuxSystem

/// A directory of the host for a guest to do in what it will: small, and never changed by one that may only read.
struct FuzzedDirectory {
  /// What only files outside of the shared directory have in them.
  static let secret = "outside-of-the-share"
  private static let folder = NSTemporaryDirectory() + "swiftlet-fuzz-\(getpid())"

  let path: String

  init(_ name: String) throws {
    path = Self.folder + "/" + name
    let files = FileManager.default
    try? files.removeItem(atPath: path)
    try files.createDirectory(atPath: path + "/share/d/e", withIntermediateDirectories: true)
    try Data(Self.secret.utf8).write(to: URL(fileURLWithPath: path + "/secret"))
    for (name, text) in [("a", "text of a"), ("d/b", "b"), ("d/e/c", "")] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/share/" + name))
    }
    try files.createSymbolicLink(atPath: path + "/share/l", withDestinationPath: "../secret")
    try files.createSymbolicLink(atPath: path + "/share/d/u", withDestinationPath: "..")
    mkfifo(path + "/share/f", 0o600)
  }

  static func removeAll() { try? FileManager.default.removeItem(atPath: folder) }

  /// Whatever happened within, nothing has outside.
  func check() throws {
    let entries = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    try DeviceFakes.check(entries == ["secret", "share"], "outside there are now \(entries)")
    let secret = try String(contentsOfFile: path + "/secret", encoding: .utf8)
    try DeviceFakes.check(secret == Self.secret, "the file outside was changed")
  }

  /// What `find` says of everything in it.
  func listing() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: path + "/share").sorted()
  }
}

extension FuzzTarget {
  /// The whole device with its server on a directory: requests of any kind, honest in their frames or not.
  static func virtioFs(_ bytes: [UInt8]) throws {
    let isReadOnly = (bytes.first ?? 0) % 2 == 0
    let directory = try FuzzedDirectory("\(UInt(bitPattern: bytes.hashValue))")
    defer { FuzzedDirectory.removeAll() }
    let before = try directory.listing()
    var limits = SharedDirectory.Limits(descriptors: 24)
    limits.nodes = 8
    var time: UInt64 = 0
    let folder = try SharedDirectory(
      path: directory.path + "/share", isReadOnly: isReadOnly, limits: limits, now: { time })
    let (driver, watch) = try watched(FsDevice(tag: "fuzz", folder: folder))
    let guest = try FuseDriver(driver)
    var script = Script(Array(bytes.dropFirst()))
    while !script.isAtEnd {
      time += UInt64(script.byte() % 4) << 29
      try step(&script, guest)
      _ = driver.takeViolations()
      if driver.status & 64 != 0 || script.byte() == 255 {
        try driver.start(queues: 2)
        _ = try guest.initialize()
      }
      try watch.check()
    }
    try driver.start(queues: 2)
    _ = try guest.initialize()
    let root = try guest.request(.getAttributes, 1, .fuse([0, 0]))
    try check(root?.error == 0, "the directory is lost: \(root?.error ?? -1)")
    try directory.check()
    if isReadOnly { try check(try directory.listing() == before, "a read-only directory was changed") }
    try watch.check()
  }

  private static let names = [
    "a", "b", "c", "d", "e", "f", "l", "u", "new", "..", ".", "", "/", "../secret", "d/b", "a\0b",
    String(repeating: "n", count: 255), String(repeating: "n", count: 256),
  ]

  private static func step(_ script: inout Script, _ guest: FuseDriver) throws {
    let operations = FuseDriver.Operation.allCases
    let operation = operations[script.number(below: operations.count)]
    let node = script.byte() % 8 == 7 ? script.value() : UInt64(script.byte() % 12)
    var body: [UInt8] = []
    for _ in 0..<script.number(below: 12) {
      switch script.byte() % 6 {
      case 0: body.put(UInt64(script.byte() % 12))
      case 1: body.put(UInt32(script.byte() % 8))
      case 2: body.put(script.value())
      case 3: body.put(UInt32(truncatingIfNeeded: script.value()))
      case 4: body += Array(names[script.number(below: names.count)].utf8) + [0]
      default: body += script.bytes(script.number(below: 16))
      }
    }
    if script.byte() % 16 == 15 {
      // The frame is wrong: another length than there is.
      let header = FuseDriver.header(
        operation.rawValue, node, count: Int(script.byte()), unique: script.value())
      _ = try guest.driver.submit(
        script.number(below: 2),
        [guest.driver.readable(Array(header.prefix(36 + script.number(below: 8))) + body)])
      return
    }
    // The fake driver never gives memory back.
    guest.driver.reuseMemory()
    guard [.forget, .batchForget, .interrupt].contains(operation) else {
      let reply = try guest.request(
        operation, node, body, room: script.byte() % 4 == 0 ? 16 + Int(script.byte()) : 4096)
      let isLeak = reply.map { String(decoding: $0.body, as: UTF8.self).contains(FuzzedDirectory.secret) }
      return try check(isLeak != true, "the guest has read what is outside")
    }
    _ = try guest.tell(operation, node, body)
  }
}
