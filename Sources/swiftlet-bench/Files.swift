import ArgumentParser
import Bench
import Configuration
import Glibc
import LinuxSystem

/// Where results are written besides standard output.
struct ResultFiles: ParsableArguments {
  @Option(help: ArgumentHelp("Write the result to a file as JSON, for diff.", valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Write every value to a file, a line each.", valueName: "file"))
  var csv: String?

  @Option(help: ArgumentHelp("Write a page with plots to a file, for a browser.", valueName: "file"))
  var html: String?

  /// Opens them: what cannot be written is told before anything is measured.
  func open() throws(Diagnostic) -> OpenResultFiles {
    let files = OpenResultFiles(
      json: try json.map(OutputFile.init), csv: try csv.map(OutputFile.init),
      html: try html.map(OutputFile.init))
    let replaced = [files.json, files.csv, files.html].compactMap { $0?.replaced }
    for (place, path) in replaced.enumerated() where replaced[..<place].contains(path) {
      throw Diagnostic(.usage, "two results for one file", which: path, mend: "name another for each")
    }
    return files
  }
}

struct OpenResultFiles {
  let json: OutputFile?
  let csv: OutputFile?
  let html: OutputFile?

  /// Prints the result, and writes it to each file: one that cannot be written keeps it from no other.
  /// - Parameter base: the contestant that the others' times are told in parts of.
  /// - Throws: what went wrong first.
  func write(_ document: ResultDocument, base: String = "") throws(Diagnostic) {
    let results: [(file: OutputFile?, bytes: [UInt8])] = [
      (json, json == nil ? [] : try document.json()), (csv, csv == nil ? [] : Array(document.csv.utf8)),
      (html, html == nil ? [] : Array(Page(document, base: base).html.utf8)),
    ]
    var first: Diagnostic?
    do throws(Diagnostic) { try show(document.text(base: base)) } catch { first = error }
    for (file, bytes) in results {
      do throws(Diagnostic) { try file?.write(bytes) } catch { first = first ?? error }
    }
    if let first { throw first }
  }
}

/// A file that gets a result at the end: until the whole of it is on the disk, what was there before stays.
final class OutputFile {
  private let path: String
  /// What no other file can take the place of, open: pipes, devices, this program's output.
  private let inPlace: FileDescriptor?

  /// The path of a file that another takes the place of.
  var replaced: String? {
    switch inPlace {
    case .some: nil
    case .none: path
    }
  }

  /// - Throws: where it cannot be written, as far as that can be told now.
  init(_ path: String) throws(Diagnostic) {
    guard !path.isEmpty else {
      throw Diagnostic(.usage, "empty file path", which: "", mend: "name a file for the result")
    }
    self.path = OutputFile.place(of: path)
    do throws(SystemError) {
      guard let status = OutputFile.status(self.path) else {
        let folder = FileDescriptor.folder(of: self.path)
        guard access(folder, W_OK | X_OK) == 0 else {
          throw SystemError(call: "access", operand: folder, code: errno)
        }
        inPlace = nil
        return
      }
      let file = try FileDescriptor(opening: self.path, O_WRONLY)
      if FileStatus.areSameFile(STDOUT_FILENO, file.raw) {
        // Opened again it would be written from its beginning, over the table.
        inPlace = try FileDescriptor(duplicating: STDOUT_FILENO)
      } else if status.st_mode & S_IFMT == S_IFREG {
        inPlace = nil
      } else {
        inPlace = consume file
      }
    } catch { throw OutputFile.refusal(path, error) }
  }

  /// The path without links, also of what is not there yet.
  private static func place(of path: String) -> String {
    if let place = try? FileDescriptor.realPath(path) { return place }
    let name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    guard let folder = try? FileDescriptor.realPath(FileDescriptor.folder(of: path)) else { return path }
    return folder == "/" ? "/" + name : "\(folder)/\(name)"
  }

  private static func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  func write(_ bytes: [UInt8]) throws(Diagnostic) {
    do throws(SystemError) {
      switch inPlace {
      case .some(let file): try file.writeAll(bytes)
      case .none:
        do throws(SystemError) { try replace(bytes) } catch {
          // A mount of its own; a file in a folder of others, or where only owners replace theirs; too long a name.
          guard ![ENOSPC, EDQUOT, EIO].contains(error.code) else { throw error }
          try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666).writeAll(bytes)
        }
      }
    } catch { throw OutputFile.refusal(path, error) }
  }

  private func replace(_ bytes: [UInt8]) throws(SystemError) {
    let other = "\(path).\(getpid())"
    let file = try FileDescriptor(opening: other, O_WRONLY | O_CREAT | O_EXCL, mode: 0o666)
    do throws(SystemError) {
      if let status = OutputFile.status(path) {
        _ = fchown(file.raw, status.st_uid, status.st_gid)
        fchmod(file.raw, status.st_mode & 0o777)
      }
      try file.writeAll(bytes)
      try file.synchronize()
      try FileDescriptor.rename(other, to: path)
    } catch {
      unlink(other)
      throw error
    }
  }

  private static func refusal(_ path: String, _ error: SystemError) -> Diagnostic {
    Diagnostic(.inputOutput, "cannot write the result", which: path, mend: error.reason)
  }
}

/// Prints all of a text, or says why not.
func show(_ text: String) throws(Diagnostic) {
  do throws(SystemError) { try standardOutput(text) } catch {
    throw Diagnostic(
      .inputOutput, "cannot write", which: "standard output",
      mend: "\(error.reason): make room or choose another")
  }
}

/// A folder for what a benchmark needs, removed with its last owner.
final class TemporaryFolder {
  let path: String

  /// - Parameter place: the folder that it is made in, if not that for temporary files.
  init(in place: String? = nil) throws(Failure) {
    let named = place ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    // What is started elsewhere is told of it too.
    let place = (try? FileDescriptor.realPath(named)) ?? named
    var template = Array("\(place)/swiftlet-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure("cannot make a folder in \(place): \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { _ = try? Job(name: "rm", arguments: ["/bin/rm", "-rf", path]).run() }
}
