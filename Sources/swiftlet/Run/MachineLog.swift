import AgentProtocol
import Configuration
import Glibc
import LinuxSystem

/// The output of a machine that runs by itself, in frames as the guest sent it; of long output the end.
///
/// The file is a ring: position p, counted from the first byte that was ever written, is at p modulo ``capacity`` behind
/// the file's first 16 bytes, which say from which position to which there are whole frames. What could not be written
/// in whole is not told of there, and so are frames that are about to be written over.
final class MachineLog {
  static let name = "log"
  fileprivate static let capacity = 1 << 20

  private let file: FileDescriptor
  private var (first, end): (UInt64, UInt64) = (0, 0)

  /// - Parameter folder: the machine's.
  init(in folder: String) throws(Diagnostic) {
    do throws(SystemError) {
      file = try FileDescriptor(opening: "\(folder)/\(Self.name)", O_RDWR | O_CREAT | O_TRUNC)
      try file.writeAll([UInt8](repeating: 0, count: Ring.start))
    } catch {
      throw Diagnostic(.hostResource, "cannot make the log", which: folder, mend: "\(error)")
    }
  }

  /// Keeps a piece of output, of at most ``Wire/payloadLimit`` bytes; what there is no room for is lost.
  func append(_ bytes: ArraySlice<UInt8>, _ kind: GuestKind) {
    var frame: [UInt8] = []
    FrameHeader(kind: kind.rawValue, length: bytes.count).append(to: &frame)
    frame += bytes
    do throws(SystemError) {
      let next = end + UInt64(frame.count)
      if next - first > Self.capacity {
        while next - first > Self.capacity {
          first += try Ring.frameLength(at: first, in: file) ?? (end - first)
        }
        try file.writeAll(Ring.bytes(first).span, at: 0)
      }
      for (part, offset) in Ring.parts(of: frame.count, from: end) {
        try file.writeAll(frame.span.extracting(part), at: offset)
      }
      try file.writeAll(Ring.bytes(next).span, at: 8)
      end = next
    } catch {}
  }

  /// Reads what is kept, and what is added to it, also when the file's name is gone.
  final class Reader {
    private let file: FileDescriptor
    private var position: UInt64 = 0

    /// - Returns: nil where there is no log in the folder.
    init?(in folder: String) {
      guard let file = try? FileDescriptor(opening: "\(folder)/\(MachineLog.name)", O_RDONLY) else {
        return nil
      }
      self.file = file
    }

    /// The pieces since the last call, but for those that were written over meanwhile.
    func next() -> [(isError: Bool, bytes: ArraySlice<UInt8>)] {
      guard let bounds = Ring.bounds(of: file), bounds.upperBound > position else { return [] }
      let start = max(position, bounds.lowerBound)
      var bytes: [UInt8] = []
      for (part, offset) in Ring.parts(of: Int(bounds.upperBound - start), from: start) {
        guard let piece = try? file.bytes(count: part.count, at: offset) else { return [] }
        bytes += piece
      }
      // What has been written over while it was read is no frame any more.
      guard let now = Ring.bounds(of: file), now.lowerBound < bounds.upperBound else { return [] }
      position = bounds.upperBound
      return pieces(of: bytes, from: now.lowerBound > start ? Int(now.lowerBound - start) : 0)
    }

    private func pieces(of bytes: [UInt8], from first: Int) -> [(isError: Bool, bytes: ArraySlice<UInt8>)] {
      var pieces: [(Bool, ArraySlice<UInt8>)] = []
      var place = first
      while let header = (try? FrameHeader(bytes.span, at: place)) ?? nil,
        bytes.count - place - Wire.headerSize >= header.length
      {
        let first = place + Wire.headerSize
        place = first + header.length
        pieces.append((header.kind == GuestKind.errorOutput.rawValue, bytes[first..<place]))
      }
      return pieces
    }
  }
}

/// Where things are in the file of a log.
private enum Ring {
  static let start = 16

  static func bytes(_ position: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: position >> (8 * UInt64($0))) }
  }

  /// From which position to which there are frames; nil where the file says what cannot be.
  static func bounds(of file: borrowing FileDescriptor) -> Range<UInt64>? {
    guard let bytes = try? file.bytes(count: start, at: 0) else { return nil }
    let numbers = [bytes[..<8], bytes[8...]].map { $0.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
    guard numbers[0] <= numbers[1], numbers[1] - numbers[0] <= UInt64(MachineLog.capacity) else { return nil }
    return numbers[0]..<numbers[1]
  }

  /// The one or two places in the file of so many bytes from a position on, and which of the bytes go there.
  static func parts(of count: Int, from position: UInt64) -> [(part: Range<Int>, offset: UInt64)] {
    let place = Int(position % UInt64(MachineLog.capacity))
    let before = min(count, MachineLog.capacity - place)
    let parts = [(0..<before, UInt64(start + place)), (before..<count, UInt64(start))]
    return parts.filter { !$0.0.isEmpty }
  }

  /// The length of the frame at a position, with its header; nil where there is none.
  static func frameLength(at position: UInt64, in file: borrowing FileDescriptor) throws(SystemError)
    -> UInt64?
  {
    var bytes: [UInt8] = []
    for (part, offset) in parts(of: Wire.headerSize, from: position) {
      bytes += try file.bytes(count: part.count, at: offset)
    }
    return ((try? FrameHeader(bytes.span, at: 0)) ?? nil).map { UInt64(Wire.headerSize + $0.length) }
  }
}
