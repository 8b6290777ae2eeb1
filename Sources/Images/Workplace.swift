import Configuration
import Glibc
import LinuxSystem

/// A folder of the store in which one process makes something. It is called `NAME.partial` as long as that is not done,
/// and locked; one that nobody has locked is what an interrupted process left.
struct Workplace: ~Copyable {
  private let lock: FileDescriptor
  let path: String
  private let folder: String
  private let name: String

  private static let suffix = ".partial"

  /// Waits until nobody else works on the same.
  init(_ name: String, in folder: String, progress: Progress) throws(ImageFault) {
    self.folder = folder
    self.name = name
    path = "\(folder)/\(name)\(Self.suffix)"
    while true {
      if let lock = try Self.locked(path, progress: progress) {
        self.lock = lock
        return
      }
    }
  }

  /// - Returns: nil where the folder was done, or given up, by the one who was waited for.
  private static func locked(_ path: String, progress: Progress) throws(ImageFault) -> FileDescriptor? {
    do throws(SystemError) {
      try FileDescriptor.makeFolders(path)
      let lock: FileDescriptor
      do throws(SystemError) { lock = try FileDescriptor(opening: "\(path)/lock", O_RDWR | O_CREAT) } catch {
        if error.code == ENOENT { return nil }
        throw error
      }
      do throws(SystemError) { try lock.lock(exclusively: true) } catch {
        guard error.code == EAGAIN || error.code == EACCES else { throw error }
        progress.begin("waiting for another swiftlet that is making the image")
        try lock.waitForLock(exclusively: true)
      }
      guard isStill(lock, at: "\(path)/lock") else { return nil }
      return lock
    } catch { throw .unwritable(error) }
  }

  /// Whether an open file is the one that has that path.
  static func isStill(_ file: borrowing FileDescriptor, at path: String) -> Bool {
    guard let there = try? FileDescriptor(opening: path, O_RDONLY) else { return false }
    return FileStatus.areSameFile(file.raw, there.raw)
  }

  /// Creates a file in the folder.
  func create(_ name: String) throws(ImageFault) -> FileDescriptor {
    do throws(SystemError) {
      return try FileDescriptor(opening: "\(path)/\(name)", O_RDWR | O_CREAT | O_TRUNC, mode: 0o644)
    } catch { throw .unwritable(error) }
  }

  /// Creates a file that goes when it is closed.
  func createSpool() throws(ImageFault) -> FileDescriptor {
    let file = try create("spool")
    do throws(SystemError) { try FileDescriptor.remove("\(path)/spool") } catch { throw .unwritable(error) }
    return file
  }

  /// Gives the folder its name, at once, in place of one that is damaged.
  consuming func publish() throws(ImageFault) {
    let final = "\(folder)/\(name)"
    do throws(SystemError) {
      if FileDescriptor.exists(final) {
        let old = "\(final).\(getpid())\(Self.suffix)"
        try FileDescriptor.rename(final, to: old)
        try Self.removeAll(old)
      }
      try FileDescriptor.rename(path, to: final)
    } catch { throw .unwritable(error) }
    try? FileDescriptor.remove("\(final)/lock")
  }

  /// Leaves nothing.
  consuming func giveUp() { try? Self.removeAll(path) }

  /// Removes a folder with all that is in it; links are not followed.
  static func removeAll(_ path: String) throws(SystemError) {
    do throws(SystemError) { return try FileDescriptor.remove(path) } catch {
      guard error.code == ENOTEMPTY || error.code == EEXIST else { throw error }
    }
    for name in try FileDescriptor.names(in: path) { try removeAll("\(path)/\(name)") }
    try FileDescriptor.remove(path)
  }

  /// Removes what interrupted processes left in a store.
  static func removeAbandoned(in folder: String) {
    for name in (try? FileDescriptor.names(in: folder)) ?? [] {
      let path = "\(folder)/\(name)"
      guard path.hasSuffix(suffix) else { continue }
      guard let lock = try? FileDescriptor(opening: "\(path)/lock", O_RDWR) else {
        // One that was being removed; or one that is being begun, which begins again.
        try? removeAll(path)
        continue
      }
      if (try? lock.lock(exclusively: true)) != nil, isStill(lock, at: "\(path)/lock") {
        try? removeAll(path)
      }
    }
  }
}
