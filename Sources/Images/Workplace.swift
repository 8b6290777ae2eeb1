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
  /// Of what is being removed.
  private static let removedPrefix = "removed-"

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
    do throws(SystemError) { return try FileDescriptor(unnamedIn: path) } catch {
      // A file system that has no files without a name (open(2), O_TMPFILE).
      guard error.isUnsupported || error.code == EISDIR else { throw .unwritable(error) }
    }
    let file = try create("spool")
    do throws(SystemError) { try FileDescriptor.remove("\(path)/spool") } catch { throw .unwritable(error) }
    return file
  }

  /// Gives the folder its name, at once, in place of one that is damaged.
  consuming func publish() throws(ImageFault) {
    let final = "\(folder)/\(name)"
    do throws(SystemError) {
      if FileDescriptor.exists(final) { try Self.discard(name, in: folder) }
      try FileDescriptor.rename(path, to: final)
    } catch { throw .unwritable(error) }
    try? FileDescriptor.remove("\(final)/lock")
  }

  /// Leaves nothing.
  consuming func giveUp() { try? Self.discard(name + Self.suffix, in: folder) }

  /// Removes a folder of the store with all that is in it. It loses its name first: nobody finds half of it, and nothing is
  /// taken from somebody who makes another one under the name.
  static func discard(_ name: String, in folder: String) throws(SystemError) {
    let away = "\(folder)/\(removedPrefix)\(getpid())-\(Clock.monotonicNanoseconds())\(suffix)"
    try FileDescriptor.rename("\(folder)/\(name)", to: away)
    try removeAll(away)
  }

  /// Removes a folder with all that is in it, though others may do the same; links are not followed.
  static func removeAll(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      do throws(SystemError) { return try FileDescriptor.remove(path) } catch {
        guard error.code == ENOTEMPTY || error.code == EEXIST else { throw error }
      }
      for name in try FileDescriptor.names(in: path) { try removeAll("\(path)/\(name)") }
      try FileDescriptor.remove(path)
    } catch {
      if error.code != ENOENT { throw error }
    }
  }

  /// Removes what interrupted processes left in a store.
  static func removeAbandoned(in folder: String) {
    for name in (try? FileDescriptor.names(in: folder).map { "\($0)" }) ?? [] where name.hasSuffix(suffix) {
      let path = "\(folder)/\(name)"
      if name.hasPrefix(removedPrefix) {
        try? removeAll(path)
        continue
      }
      // Where there is no lock yet, the one who made the folder waits for this one, and then makes another folder.
      if let lock = try? FileDescriptor(opening: "\(path)/lock", O_RDWR | O_CREAT),
        (try? lock.lock(exclusively: true)) != nil, isStill(lock, at: "\(path)/lock")
      {
        try? discard(name, in: folder)
      }
    }
  }
}
