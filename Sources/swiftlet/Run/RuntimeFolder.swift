import Configuration
import Glibc
import LinuxSystem

/// The folder of one machine while it runs, which only its user can look into: sockets, and what is known of it.
///
/// The process that the machine belongs to holds a lock on a file in it; where nobody does, the machine is gone and
/// the folder is left over. Folders come and go under a lock of the folder that they are in.
final class RuntimeFolder {
  private static let lockName = "lock"
  /// So many machines that have failed are kept to be asked about.
  private static let failureLimit = 16

  /// The machine's name: what was asked for, or twelve digits.
  let name: String
  let path: String
  private let base: String
  private let lock: FileDescriptor
  private var isRemoved = false

  /// Makes the folder of a new machine, and removes what machines that are gone have left.
  /// - Parameters:
  ///   - name: nil for one that nobody names.
  ///   - base: where the folders are.
  init(name: String?, in base: String) throws(Diagnostic) {
    do throws(SystemError) {
      let turn = try RuntimeFolder.turn(in: base)
      RuntimeFolder.removeLeftovers(in: base, for: name)
      let chosen = name ?? RuntimeFolder.randomName()
      let path = "\(base)/\(chosen)"
      guard mkdir(path, 0o700) == 0 else { throw SystemError(call: "mkdir", operand: path, code: errno) }
      lock = try FileDescriptor(opening: "\(path)/\(RuntimeFolder.lockName)", O_RDWR | O_CREAT)
      // Somebody may just be looking whether it is free.
      _ = try lock.takeTurn(waiting: true)
      self.name = chosen
      self.path = path
      self.base = base
      _ = consume turn
    } catch {
      if error.code == EEXIST, let name {
        throw Diagnostic(
          .noInput, "a machine of this name runs", which: name,
          mend: "choose another name, or end it with `swiftlet stop \(name)`")
      }
      throw Diagnostic(.hostResource, "cannot make the machine's folder", which: base, mend: "\(error)")
    }
  }

  deinit { remove() }

  /// The path of something in it.
  func place(_ name: String) -> String { "\(path)/\(name)" }

  /// Removes it with all that is in it.
  func remove() {
    guard !isRemoved else { return }
    isRemoved = true
    // Without its turn, or where the folder is another's by now, it is left to who comes next.
    guard let turn = try? RuntimeFolder.turn(in: base), let own = try? lock.status().identity,
      let file = try? FileDescriptor(opening: place(RuntimeFolder.lockName), O_RDONLY),
      (try? file.status().identity) == own
    else { return }
    RuntimeFolder.remove(path)
    _ = consume turn
  }

  /// Leaves it, with what is known of the machine and its log alone, to be asked why it failed.
  func leave(_ state: MachineState) {
    guard (try? state.write(to: path)) != nil else { return remove() }
    isRemoved = true
    let kept = [MachineState.fileName, MachineLog.name, RuntimeFolder.lockName]
    for name in RuntimeFolder.names(in: path) where !kept.contains(name) { unlink(place(name)) }
  }

  /// The right to make and remove folders, as long as it lives.
  private static func turn(in base: String) throws(SystemError) -> FileDescriptor {
    let turn = try FileDescriptor(opening: base, O_RDONLY | O_DIRECTORY)
    _ = try turn.takeTurn(waiting: true)
    return turn
  }

  /// Where the folders are: `$XDG_RUNTIME_DIR/swiftlet`, or where there is none `/tmp/swiftlet-UID`.
  static func base(making: Bool) throws(Diagnostic) -> String {
    let given = Installation.environment("XDG_RUNTIME_DIR").flatMap { $0.hasPrefix("/") ? $0 : nil }
    let path = given.map { "\($0)/swiftlet" } ?? "/tmp/swiftlet-\(geteuid())"
    if making { mkdir(path, 0o700) }
    var status = stat()
    let isThere = lstat(path, &status) == 0
    guard isThere || making else { return path }
    guard isThere, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & 0o077 == 0
    else {
      throw Diagnostic(
        .noInput, "no folder for running machines", which: path,
        mend: "it must be a directory of this user's own, with mode 700; XDG_RUNTIME_DIR chooses another")
    }
    return path
  }

  /// Tells whether a machine is there still, whatever has its folder's name by now.
  struct Presence: ~Copyable {
    let folder: String
    private let lock: FileDescriptor

    /// - Returns: nil where there is no such folder.
    init?(_ folder: String) {
      guard let lock = try? FileDescriptor(opening: "\(folder)/\(lockName)", O_RDONLY) else { return nil }
      self.folder = folder
      self.lock = lock
    }

    var isThere: Bool { (try? lock.isFree()) == false }
  }

  /// Whether the machine that has the folder at `path` is there still.
  static func isInUse(_ path: String) -> Bool { Presence(path)?.isThere ?? false }

  /// The machine of this name, which is there now; or where `orFailed`, was and has left why it is not.
  static func presence(
    of name: String, in base: String, orFailed: Bool = false
  ) throws(Diagnostic) -> Presence {
    let folder = "\(base)/\(try RunValue.machineName(name))"
    guard let presence = Presence(folder), presence.isThere || orFailed && failure(in: folder) != nil else {
      throw Diagnostic(.noInput, "no such machine", which: name, mend: "swiftlet ps tells which there are")
    }
    return presence
  }

  /// The folder of the machine of this name, which is there now.
  static func path(of name: String) throws(Diagnostic) -> String {
    try presence(of: name, in: base(making: false)).folder
  }

  /// The names of all machines that run.
  static func running() throws(Diagnostic) -> [String] {
    let base = try base(making: false)
    return names(in: base).filter { isInUse("\(base)/\($0)") }
  }

  /// - Parameter new: what a machine is about to be called.
  private static func removeLeftovers(in base: String, for new: String?) {
    var failures: [(at: UInt64, name: String)] = []
    for name in names(in: base) where !isInUse("\(base)/\(name)") {
      if name != new, let state = failure(in: "\(base)/\(name)") {
        failures.append((state.startedAt, name))
      } else {
        remove("\(base)/\(name)")
      }
    }
    for failure in failures.sorted(by: <).dropLast(failureLimit) { remove("\(base)/\(failure.name)") }
  }

  /// What is known of a machine that has failed; nil of others.
  private static func failure(in folder: String) -> MachineState? {
    guard let state = try? MachineState(in: folder), state.failure != nil else { return nil }
    return state
  }

  /// The lock goes last: as long as there is something, who looks sees whether the machine is there.
  private static func remove(_ path: String) {
    for name in names(in: path) where name != lockName { unlink("\(path)/\(name)") }
    unlink("\(path)/\(lockName)")
    rmdir(path)
  }

  /// What is in a folder, without hidden files.
  static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// Twelve hexadecimal digits.
  private static func randomName() -> String {
    let digits = String(UInt64.random(in: 0..<1 << 48), radix: 16)
    return String(repeating: "0", count: 12 - digits.count) + digits
  }
}
