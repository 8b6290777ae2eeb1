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
    OpenResultFiles(
      json: try json.map(OutputFile.init), csv: try csv.map(OutputFile.init),
      html: try html.map(OutputFile.init))
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
  /// What no other file can take the place of, open: pipes, devices, and files in folders of others.
  private let inPlace: FileDescriptor?

  /// - Throws: where it cannot be written, as far as that can be told now.
  init(_ path: String) throws(Diagnostic) {
    let target = (try? FileDescriptor.realPath(path)) ?? path
    var status = stat()
    let isThere = stat(target, &status) == 0
    let folder = FileDescriptor.folder(of: target)
    let isOpen = access(folder, W_OK | X_OK) == 0
    self.path = target
    do throws(SystemError) {
      if !isThere, !isOpen { throw SystemError(call: "access", operand: folder, code: errno) }
      let file = isThere ? try FileDescriptor(opening: target, O_WRONLY) : nil
      inPlace = isOpen && status.st_mode & S_IFMT == S_IFREG ? nil : file
    } catch { throw OutputFile.refusal(path, error) }
  }

  func write(_ bytes: [UInt8]) throws(Diagnostic) {
    do throws(SystemError) {
      switch inPlace {
      case .some(let file):
        ftruncate(file.raw, 0)
        try file.writeAll(bytes)
      case .none: try replace(bytes)
      }
    } catch { throw OutputFile.refusal(path, error) }
  }

  private func replace(_ bytes: [UInt8]) throws(SystemError) {
    let other = "\(path).\(getpid())"
    let file = try FileDescriptor(opening: other, O_WRONLY | O_CREAT | O_EXCL, mode: 0o666)
    do throws(SystemError) {
      var status = stat()
      if stat(path, &status) == 0 { fchmod(file.raw, status.st_mode & 0o777) }
      try file.writeAll(bytes)
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
