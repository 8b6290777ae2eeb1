import Configuration
import LinuxSystem

/// Ends the monitor at a system call that its thread may not make, in one line that names both.
enum BlockedCall {
  /// In the handler of the trap: nothing here allocates memory or takes a lock.
  static let report: @convention(c) (Int32, UInt16) -> Void = { call, thread in
    var line = PlainLine()
    line.append("swiftlet: blocked system call: ")
    if !line.append(line: Int(call), of: FilterTable.callNames) { line.append("number") }
    line.append(" (")
    line.append(UInt32(bitPattern: call))
    line.append(") on thread ")
    switch thread {
    case ThreadKind.main.number: line.append("main")
    case ThreadKind.io.number: line.append("io")
    default:
      line.append("vcpu ")
      line.append(UInt32(thread - ThreadKind.processor(0).number))
    }
    line.append(": the monitor is at fault, or its guest has got hold of it: please report it")
    line.writeAndEnd(ExitStatus.blockedCall.code)
  }
}
