import AgentProtocol
import CLinux
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import swiftlet

/// The output that is kept of machines that run by themselves.
struct MachineLogTests {
  private static func text(_ pieces: [(isError: Bool, bytes: ArraySlice<UInt8>)]) -> [String] {
    pieces.map { ($0.isError ? "!" : "") + String(decoding: $0.bytes, as: UTF8.self) }
  }

  @Test func whatWasWrittenIsReadAlsoWhenItsNameIsGone() throws {
    let folder = try TemporaryFolder()
    let log = try MachineLog(in: folder.path)
    let reader = try #require(MachineLog.Reader(in: folder.path))
    #expect(reader.next().isEmpty)
    log.append(Array("one".utf8)[...], .output)
    log.append(Array("two".utf8)[...], .errorOutput)
    #expect(Self.text(reader.next()) == ["one", "!two"])
    #expect(reader.next().isEmpty)
    unlink("\(folder.path)/log")
    log.append([], .output)
    log.append(Array("three".utf8)[...], .output)
    #expect(Self.text(reader.next()) == ["", "three"])
    #expect(MachineLog.Reader(in: folder.path) == nil)
  }

  /// Of long output the end is kept, whole pieces of it, in a file that grows no more; who reads in time misses nothing.
  @Test func ofLongOutputTheEndIsKept() throws {
    let folder = try TemporaryFolder()
    let log = try MachineLog(in: folder.path)
    let follower = try #require(MachineLog.Reader(in: folder.path))
    var (written, followed): ([UInt8], [UInt8]) = ([], [])
    for number in 0..<700 {
      let piece = (0..<number * 7919 % 5000).map { UInt8(truncatingIfNeeded: $0 &+ number) }
      log.append(piece[...], .output)
      written += piece
      if number % 50 == 0 { for piece in follower.next() { followed += piece.bytes } }
    }
    for piece in follower.next() { followed += piece.bytes }
    #expect(followed == written)
    let late = try #require(MachineLog.Reader(in: folder.path))
    let kept = late.next()
    let bytes = kept.flatMap { Array($0.bytes) }
    #expect(Array(written.suffix(bytes.count)) == bytes)
    #expect(bytes.count + kept.count * 4 > (1 << 20) - 5004)
    let size = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/log")[.size] as? Int
    #expect(size == (1 << 20) + 16)

    // A reader that was too slow goes on with what is there, from the beginning of a piece.
    let slow = try #require(MachineLog.Reader(in: folder.path))
    _ = slow.next()
    let long = [UInt8](repeating: 7, count: 60_000)
    for _ in 0..<100 { log.append(long[...], .errorOutput) }
    let rest = slow.next()
    #expect(rest.count == 17)
    #expect(rest.allSatisfy { $0.isError && Array($0.bytes) == long })
  }

  /// A piece that there is no room for is lost, and nothing else.
  @Test func aPieceWithoutRoomIsLostAlone() throws {
    let folder = try TemporaryFolder()
    // As on a full disk: a file in whose first 4,096 bytes can be written, and no more.
    let file = FileDescriptor(owning: Int32(clinux_memfd_create("log", CLINUX_MFD_ALLOW_SEALING)))
    symlink("/proc/self/fd/\(file.raw)", "\(folder.path)/log")
    let log = try MachineLog(in: folder.path)
    log.append(Array("before".utf8)[...], .output)
    try file.setLength(4096)
    let sealGrowth: UInt = 4
    #expect(clinux_fcntl(file.raw, CLINUX_F_ADD_SEALS, sealGrowth) == 0)
    let reader = try #require(MachineLog.Reader(in: folder.path))
    log.append([UInt8](repeating: 1, count: 5000)[...], .output)
    #expect(try file.bytes(count: 1, at: 4095) == [1])
    #expect(Self.text(reader.next()) == ["before"])
    log.append(Array("after".utf8)[...], .output)
    #expect(Self.text(reader.next()) == ["after"])
  }
}
