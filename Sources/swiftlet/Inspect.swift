import ArgumentParser
import Configuration
import Glibc
import KernelImages
import LinuxSystem

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Print what a kernel, an initial RAM disk, a disk image or a machine is.",
    discussion: """
      Of a Linux, the CONFIG_ lines tell how it can be told of its devices, where its configuration is built in. With \
      --json, addresses and sizes are numbers, "memory" has the first one and the one behind the last as \
      {"start": n, "end": n}, and null is what the file does not tell.
      """)

  @Argument(
    help: "An ELF vmlinux, a bzImage, an initrd or a disk image; or a machine's name.", completion: .file())
  var file: String

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    if access(file, F_OK) != 0,
      let machine = try? RuntimeFolder.presence(
        of: file, in: RuntimeFolder.base(making: false), orFailed: true)
    {
      let report = try MachineState(in: machine.folder).report(name: file)
      return try Output.write(json ? report.json : report.lines)
    }
    if !file.isEmpty, access(file, F_OK) != 0, errno == ENOENT {
      throw Diagnostic(
        .noInput, "no such file or machine", which: file,
        mend: "check the path; swiftlet ps tells of machines")
    }
    let source: FileSource
    let kernel = try InputFile.open(file, "file", O_RDONLY)
    do throws(SystemError) { source = try FileSource(kernel) } catch { throw badKernel(file, error.reason) }
    let report = try ImageReport(of: source, name: file).report
    try Output.write(json ? report.json : report.lines)
  }
}
