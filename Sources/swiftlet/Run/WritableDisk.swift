import Configuration
import Glibc
import LinuxSystem

/// A disk that keeps what a machine writes over its image, for later ones.
struct WritableDisk: Equatable {
  /// So that an ext4 with a journal has room.
  private static let leastSize: UInt64 = 8 << 20

  let path: String
  /// Of one that is to be made where there is none, in bytes.
  private var size: UInt64?

  /// The disk that `FILE[,size=SIZE]` stands for.
  init(option text: String) throws(Diagnostic) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    for part in parts.dropFirst() {
      guard part.hasPrefix("size=") else {
        throw Diagnostic(
          .usage, "bad option '\(part)' of the writable disk", which: text,
          mend: "only size=SIZE may follow the file, and its path may hold no comma")
      }
      let value = String(part.dropFirst(5))
      let count = try byteCount(value)
      guard count >= Self.leastSize else {
        throw Diagnostic(
          .usage, "writable disk too small", which: value, mend: "give it \(Self.leastSize >> 20)M or more")
      }
      size = count
    }
    path = String(parts.first ?? "")
  }

  /// Makes it where that was asked for and it is not there. Takes as long as that does, and may be interrupted.
  func makeIfMissing() throws(Diagnostic) {
    if access(path, F_OK) != 0, let size { try make(size) }
  }

  /// The disk as the machine has it, an ext4.
  func disk() throws(Diagnostic) -> Disk {
    let file = try InputFile.open(path, "disk", O_RDWR)
    guard let mark = try? file.bytes(count: 2, at: 1080), mark == [0x53, 0xef] else {
      throw Diagnostic(
        .badInput, "no ext4 on the writable disk", which: path,
        mend: "make one by mkfs.ext4, or name a new file with ,size=1G behind it")
    }
    return try Disk(path: path)
  }

  private func make(_ size: UInt64) throws(Diagnostic) {
    let places = ["/usr/sbin", "/sbin"].map { "\($0)/mke2fs" }
    guard let program = Installation.program("mke2fs") ?? places.first(where: { access($0, X_OK) == 0 })
    else {
      throw Diagnostic(
        .noInput, "cannot find mke2fs, which makes the disk", which: path,
        mend: "install it (Debian: apt-get install e2fsprogs)")
    }
    let reason: String
    do throws(SystemError) {
      // It has no name until it is whole: nothing is left behind however this ends.
      let file = try FileDescriptor(unnamedIn: FileDescriptor.folder(of: path))
      try file.setLength(size)
      let words = ["-q", "-F", "-t", "ext4", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1"]
      let result = try ChildProcess(
        program, arguments: words + ["/proc/self/fd/\(ChildProcess.lentDescriptor)"], lending: file
      ).finish(within: 600_000)
      if result.isSuccess {
        // Another machine may have made one meanwhile: it is that one's then.
        _ = try file.link(as: path)
        return
      }
      // What follows the first line is advice for people who typed its options.
      let line = result.errors.split(whereSeparator: \.isNewline).first { !$0.hasPrefix("mke2fs ") }
      reason = "mke2fs: \(line ?? "it does not say why")"
    } catch { reason = error.isUnsupported ? "make one by mkfs.ext4 (\(error))" : "\(error)" }
    throw Diagnostic(.hostResource, "cannot make the writable disk", which: path, mend: reason)
  }
}
