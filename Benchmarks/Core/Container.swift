import Bench
import BenchSupport
import Glibc
import LinuxSystem

/// A container for crun, with one static program in it and nothing else, set up as `crun spec` proposes.
final class Container {
  private let folder: String
  let job: Job

  /// nil where crun is not installed.
  init?(program: String) throws(Failure) {
    guard let crun = Setting.installed("crun") else { return nil }
    var template = Array("/tmp/swiftlet-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure("cannot make a folder in /tmp: error \(errno)") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    job = Job(
      name: "`crun` starts the same",
      arguments: [crun, "run", "--bundle", folder, "swiftlet-bench-\(getpid())"])
    mkdir(folder + "/rootfs", 0o755)
    _ = try Job(name: "cp", arguments: ["/bin/cp", program, folder + "/rootfs/true"]).run()
    _ = try Job(name: "crun spec", arguments: [crun, "spec", "--bundle", folder]).run()
    try Container.edit(folder + "/config.json")
  }

  deinit { _ = try? Job(name: "rm", arguments: ["/bin/rm", "-r", folder]).run() }

  /// Runs the program instead of a shell, without a terminal.
  private static func edit(_ path: String) throws(Failure) {
    let changes = [("\"terminal\": true", "\"terminal\": false"), ("\"sh\"", "\"/true\"")]
    var text = Setting.file(path)
    for (old, new) in changes {
      guard let range = text.firstRange(of: old) else { throw Failure("crun spec makes no \(old)") }
      text.replaceSubrange(range, with: new)
    }
    do throws(SystemError) {
      try FileDescriptor(opening: path, O_WRONLY | O_TRUNC).writeAll(Array(text.utf8))
    } catch {
      throw Failure("\(error)")
    }
  }
}
