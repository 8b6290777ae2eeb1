import CLinux
import Glibc

/// Turns the `result or -errno` of a shim into a value or a thrown error.
@inline(__always)
package func checked(
  _ result: Int, _ call: StaticString, _ operand: @autoclosure () -> String = ""
) throws(SystemError) -> Int {
  if result >= 0 { return result }
  throw SystemError(call: "\(call)", operand: operand(), code: Int32(truncatingIfNeeded: -result))
}

/// Makes a C call that reports failure by -1 and `errno`; nothing runs between the call and the read of `errno`.
@inline(__always)
package func checking(
  _ call: StaticString, _ operand: @autoclosure () -> String = "", _ body: () -> Int
) throws(SystemError) -> Int {
  let result = body()
  let code = errno
  if result >= 0 { return result }
  throw SystemError(call: "\(call)", operand: operand(), code: code)
}

/// As ``checking(_:_:_:)``, made again while a signal interrupts it.
@inline(__always)
package func retrying(
  _ call: StaticString, _ operand: @autoclosure () -> String = "", _ body: () -> Int
) throws(SystemError) -> Int {
  while true {
    let result = body()
    let code = errno
    if result >= 0 { return result }
    if code != EINTR { throw SystemError(call: "\(call)", operand: operand(), code: code) }
  }
}

func errorText(_ code: Int32) -> String {
  var text = [CChar](repeating: 0, count: 128)
  guard strerror_r(code, &text, text.count) == 0 else { return "error \(code)" }
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Writes all of `text` to standard output.
public func standardOutput(_ text: String) throws(SystemError) {
  let output = FileDescriptor(owning: STDOUT_FILENO)
  let written = Result { () throws(SystemError) in try output.writeAll(Array(text.utf8)) }
  // Closing it is not ours to do.
  _ = output.release()
  try written.get()
}

/// Writes `text` to standard error at once; there is nowhere to report a failure of that.
public func standardError(_ text: String) {
  var text = text
  if RawTerminal.standardErrorIsRaw {
    text = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
  }
  text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
