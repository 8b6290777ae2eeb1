import CLinux
import Foundation
import LinuxSystem
import Testing

@testable import Confinement

/// What a thread can reach once it is behind its walls, in a process made for each test.
struct LandlockTests {
  /// Whether the folder can be read, and written to, and a file elsewhere can be read.
  private static func reach(_ folder: String) -> [Bool] {
    // By the one call to open files that a filter lets through, where a machine has shares.
    func can(_ path: String, _ flags: Int32) -> Bool {
      clinux_openat2(AT_FDCWD, path, UInt64(flags | O_CLOEXEC), 0, 0) >= 0
    }
    return [
      can(folder + "/file", O_RDONLY), can(folder + "/file", O_WRONLY), can("/etc/passwd", O_RDONLY),
      can(folder + "/../../etc/passwd", O_RDONLY),
    ]
  }

  private static func folder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("walls-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data().write(to: folder.appendingPathComponent("file"))
    return folder.path
  }

  @Test(.enabled(if: Landlock.version > 0, "the host has no Landlock"))
  func onlyFoldersOfDevicesAreInReach() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let (read, write, none) = (try Self.folder(), try Self.folder(), try Self.folder())
      let before = Self.reach(read)
      let folders = [
        Confinement.Folder(read, .reading), .init(write, .writing), .init(none, .removingSockets),
      ]
      let confinement = try Confinement(needs: [.shares, .shareWrites, .ports], folders: folders, threads: 1)
      Confinement.prepareProcess()
      try confinement.enter(.io)
      let isRight =
        before == [true, true, true, true] && Self.reach(read) == [true, false, false, false]
        && Self.reach(write) == [true, true, false, false]
        && Self.reach(none) == [false, false, false, false]
        && unlink(none + "/file") == 0 && unlink(read + "/file") != 0
      for path in [write] { unlink(path + "/file") }
      exit(isRight ? 0 : 1)
    }
  }

  /// The same walls by the whole way in, with a call that the filter does not let through.
  @Test(arguments: [0, 1, 5]) func aThreadIsEndedByAForbiddenCall(number: Int) async {
    let result = await #expect(processExitsWith: .exitCode(85), observing: [\.standardErrorContent]) {
      [number] in
      let confinement = try Confinement(needs: [], folders: [], threads: 1)
      Confinement.prepareProcess()
      try confinement.enter([ThreadKind.main, .io][safely: number] ?? .processor(number - 2))
      _ = chdir("/")
      exit(0)
    }
    let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    let name = ["main", "io"][safely: number] ?? "vcpu \(number - 2)"
    #expect(said.contains("swiftlet: blocked system call: chdir (80) on thread \(name): "))
  }
}

extension Array {
  fileprivate subscript(safely index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
