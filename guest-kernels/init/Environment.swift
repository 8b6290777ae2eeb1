import LinuxCalls

/// The command's environment: what the kernel passes on (its own HOME and TERM, and every `NAME=value` of
/// the kernel command line that is no kernel option), made fit for a program.
enum Environment {
  private static let path: StaticString = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  private static let home: StaticString = "HOME=/root"
  private static let terminal: StaticString = "TERM=linux"

  /// Calls `body` with the completed environment.
  static func with(_ given: CTextArray, _ body: (CTextArray) -> Void) {
    var count = 0
    while given[count] != nil { count += 1 }
    withUnsafeTemporaryAllocation(of: CText?.self, capacity: count + 4) { entries in
      guard let start = entries.baseAddress else { return }
      for index in 0..<count { start[index] = isKernelHome(given[index]) ? home.path : given[index] }
      start[count] = nil
      complete(start, "PATH=", path)
      complete(start, "HOME=", home)
      complete(start, "TERM=", terminal)
      body(start)
    }
  }

  private static func complete(_ environment: CTextArray, _ name: StaticString, _ entry: StaticString) {
    guard value(of: name, in: environment) == nil else { return }
    var end = 0
    while environment[end] != nil { end += 1 }
    environment[end] = entry.path
    environment[end + 1] = nil
  }

  /// The kernel says HOME=/, which is nobody's choice.
  private static func isKernelHome(_ entry: CText?) -> Bool {
    guard let entry else { return false }
    return hasPrefix(entry, "HOME=/") && entry[6] == 0
  }
}
