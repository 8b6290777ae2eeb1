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

  /// - Parameter base: the contestant that the others' times are told in parts of.
  func write(_ document: ResultDocument, base: String = "") throws(Diagnostic) {
    if let json { try json.write(try document.json()) }
    if let csv { try csv.write(Array(document.csv.utf8)) }
    if let html { try html.write(Array(Page(document, base: base).html.utf8)) }
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
    self.path = (try? FileDescriptor.realPath(path)) ?? path
    do throws(SystemError) {
      guard let status = OutputFile.status(self.path) else {
        let folder = FileDescriptor.folder(of: self.path)
        guard access(folder, W_OK | X_OK) == 0 else {
          throw SystemError(call: "access", operand: folder, code: errno)
        }
        inPlace = nil
        return
      }
      var output = stat()
      fstat(STDOUT_FILENO, &output)
      let isOutput = (output.st_dev, output.st_ino) == (status.st_dev, status.st_ino)
      // Opened again it would be written from its beginning, over the table.
      let file =
        isOutput
        ? try FileDescriptor(duplicating: STDOUT_FILENO) : try FileDescriptor(opening: self.path, O_WRONLY)
      let isReplaced = !isOutput && status.st_mode & S_IFMT == S_IFREG
      if isReplaced { inPlace = nil } else { inPlace = consume file }
    } catch { throw OutputFile.refusal(path, error) }
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
          // A mount of its own, or a file in a folder of others, or where only owners replace theirs.
          guard [EBUSY, EPERM, EACCES, EROFS].contains(error.code) else { throw error }
          try FileDescriptor(opening: path, O_WRONLY | O_TRUNC).writeAll(bytes)
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
      fsync(file.raw)
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
    let place = place ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(place)/swiftlet-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure("cannot make a folder in \(place): \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { _ = try? Job(name: "rm", arguments: ["/bin/rm", "-rf", path]).run() }
}
