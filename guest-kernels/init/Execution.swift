import LinuxCalls

/// Becomes the program `command`, found through PATH if its name has no slash.
/// - Returns: only where that cannot be done, why.
func execute(_ command: CText, _ arguments: CTextArray, _ environment: CTextArray) -> Int {
  let slash: UInt8 = 0x2f
  if contains(command, slash) { return sys_execve(command, arguments, environment) }
  var failure = Int(-ENOENT)
  guard command.pointee != 0, var directory = value(of: "PATH=", in: environment) else { return failure }
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { path in
    while true {
      let end = endOfEntry(directory)
      // Asking first is much cheaper than an exec that fails.
      if join(directory, end, command, into: path) {
        let access = sys_may_execute(path.baseAddress)
        if access == 0 {
          failure = sys_execve(path.baseAddress, arguments, environment)
        } else if access != Int(-ENOENT), access != Int(-ENOTDIR) {
          failure = access
        }
      }
      guard end.pointee != 0 else { return }
      directory = end + 1
    }
  }
  return failure
}

/// What follows `name`, which includes the `=`.
func value(of name: StaticString, in environment: CTextArray) -> CText? {
  var index = 0
  while let entry = environment[index] {
    if hasPrefix(entry, name) { return entry + name.utf8CodeUnitCount }
    index += 1
  }
  return nil
}

/// The colon or the zero byte that ends an entry of PATH.
private func endOfEntry(_ entry: CText) -> CText {
  var cursor = entry
  while cursor.pointee != 0, cursor.pointee != 0x3a { cursor += 1 }
  return cursor
}

/// Puts "directory/command" into `path`, or what is in the working directory where nothing is before the end (POSIX,
/// Base Definitions, section 8.3); false when it does not fit.
private func join(
  _ directory: CText, _ end: CText, _ command: CText, into path: UnsafeMutableBufferPointer<UInt8>
) -> Bool {
  let directoryLength = end - directory
  let commandLength = length(command)
  guard directoryLength + commandLength + 2 <= path.count else { return false }
  for index in 0..<directoryLength { path[index] = directory[index] }
  path[directoryLength] = 0x2f
  let start = directoryLength == 0 ? 0 : directoryLength + 1
  for index in 0...commandLength { path[start + index] = command[index] }
  return true
}
