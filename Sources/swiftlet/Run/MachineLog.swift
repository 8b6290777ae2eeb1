import AgentProtocol
import Configuration
import Glibc
import LinuxSystem

/// The output of a machine that runs by itself, in frames as the guest sent it; of long output the last part.
final class MachineLog {
  /// Two files of this length at most are kept.
  private static let fileLimit = 1 << 20
  private static let names = (old: "log.old", new: "log")

  private let folder: String
  private var file: FileDescriptor
  private var length = 0

  init(in folder: String) throws(Diagnostic) {
    self.folder = folder
    do throws(SystemError) { file = try MachineLog.open(folder) } catch {
      throw Diagnostic(.hostResource, "cannot make the log", which: folder, mend: "\(error)")
    }
  }

  private static func open(_ folder: String) throws(SystemError) -> FileDescriptor {
    try FileDescriptor(opening: "\(folder)/\(names.new)", O_WRONLY | O_CREAT | O_APPEND)
  }

  /// Keeps a piece of output; what there is no room for is lost.
  func append(_ bytes: ArraySlice<UInt8>, _ kind: GuestKind) {
    if length + bytes.count > Self.fileLimit, length > 0 {
      rename("\(folder)/\(Self.names.new)", "\(folder)/\(Self.names.old)")
      if let next = try? MachineLog.open(folder) { file = next }
      length = 0
    }
    var frame: [UInt8] = []
    FrameHeader(kind: kind.rawValue, length: bytes.count).append(to: &frame)
    frame += bytes
    if (try? file.writeAll(frame)) != nil { length += frame.count }
  }

  /// Reads what is kept, and what is added to it.
  struct Reader {
    private let folder: String
    private var identity: FileStatus.Identity?
    private var offset: UInt64 = 0

    init(in folder: String) { self.folder = folder }

    /// The pieces since the last call.
    mutating func next() -> [(isError: Bool, bytes: ArraySlice<UInt8>)] {
      var pieces: [(Bool, ArraySlice<UInt8>)] = []
      // The older file is read to its end where it is the one that was being read, or nothing was yet.
      for name in [names.old, names.new] {
        guard let file = try? FileDescriptor(opening: "\(folder)/\(name)", O_RDONLY),
          let status = try? file.status()
        else { continue }
        if name == names.old, let identity, identity != status.identity { continue }
        if identity != status.identity { offset = 0 }
        identity = status.identity
        pieces += read(file)
      }
      return pieces
    }

    private mutating func read(_ file: borrowing FileDescriptor) -> [(Bool, ArraySlice<UInt8>)] {
      var pieces: [(Bool, ArraySlice<UInt8>)] = []
      guard (try? file.seek(to: offset)) != nil, let bytes = try? file.contents(limit: 4 << 20) else {
        return []
      }
      var place = 0
      while let header = (try? FrameHeader(bytes.span, at: place)) ?? nil,
        bytes.count - place - Wire.headerSize >= header.length
      {
        let first = place + Wire.headerSize
        place = first + header.length
        pieces.append((header.kind == GuestKind.errorOutput.rawValue, bytes[first..<place]))
      }
      offset += UInt64(place)
      return pieces
    }
  }
}
