import Foundation
import Testing

/// What a process held in the beginning and in the end: most of the time, for what it needs for a moment is let go.
struct Growth: CustomStringConvertible {
  private let begin: (descriptors: Int, kibibytes: Int)
  private let end: (descriptors: Int, kibibytes: Int)

  /// Taken all the time, so that the last are of a machine that has seen nearly everything.
  init(_ footprints: [Footprint]) throws {
    try #require(footprints.count >= 12, "too few to compare")
    func median(_ part: some Collection<Footprint>) -> (Int, Int) {
      (part.map(\.descriptors).sorted()[part.count / 2], part.map(\.kibibytes).sorted()[part.count / 2])
    }
    // The first quarter warms up.
    let quarter = footprints.count / 4
    begin = median(footprints[quarter..<2 * quarter])
    end = median(footprints[(3 * quarter)...])
  }

  var descriptors: Int { end.descriptors - begin.descriptors }
  var kibibytes: Int { end.kibibytes - begin.kibibytes }

  var description: String {
    "descriptors \(begin.descriptors) then \(end.descriptors), "
      + "memory beside the guest's \(begin.kibibytes) then \(end.kibibytes) KiB"
  }
}

/// What a process holds.
struct Footprint {
  let descriptors: Int
  /// Memory of its own, without the guest's.
  let kibibytes: Int

  /// - Parameter guestMebibytes: the guest's memory, by whose size its mapping is known.
  /// - Returns: nil when the process has ended.
  init?(of process: pid_t, guestMebibytes: Int) {
    guard let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd"),
      let map = try? String(contentsOfFile: "/proc/\(process)/smaps", encoding: .utf8), files.count > 3
    else { return nil }
    descriptors = files.count
    var kibibytes = 0
    var isGuests = false
    for line in map.split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard words.count >= 3, let size = Int(words[1]) else { continue }
      switch words[0] {
      case "Size:": isGuests = size == guestMebibytes << 10
      case "Anonymous:": if !isGuests { kibibytes += size }
      default: break
      }
    }
    guard kibibytes > 0 else { return nil }
    self.kibibytes = kibibytes
  }
}
