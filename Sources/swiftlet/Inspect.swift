import ArgumentParser
import Configuration
import Glibc
import KernelImages
import LinuxSystem

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print what a kernel file is.")

  @Argument(help: "An ELF vmlinux or a bzImage.", completion: .file())
  var file: String

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let source: FileSource
    let kernel = try InputFile.open(file, "kernel", O_RDONLY)
    do throws(SystemError) { source = try FileSource(kernel) } catch { throw badKernel(file, error.reason) }
    let report = try ImageReport(of: source, name: file).report
    try Output.write(json ? report.json : report.lines)
  }
}
