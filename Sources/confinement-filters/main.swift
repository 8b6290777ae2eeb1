import Glibc
import LinuxSystem

do throws(SystemError) {
  print(try FilterCompiler.table(), terminator: "")
} catch {
  standardError("confinement-filters: \(error)\n")
  exit(1)
}
