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

  /// What follows `name`, which includes the `=`.
  static func value(of name: StaticString, in environment: CTextArray) -> CText? {
    var index = 0
    while let entry = environment[index] {
      if hasPrefix(entry, name) { return entry + name.utf8CodeUnitCount }
      index += 1
    }
    return nil
  }

  /// The colon or the zero byte that ends an entry of PATH.
  static func endOfEntry(_ entry: CText) -> CText {
    var cursor = entry
    while cursor.pointee != 0, cursor.pointee != 0x3a { cursor += 1 }
    return cursor
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
