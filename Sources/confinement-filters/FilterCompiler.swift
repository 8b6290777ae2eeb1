import CLinux
import CSeccomp
import Glibc
import LinuxSystem

/// Compiles the rules with libseccomp, at the time the table is made: at run time it would cost the start of each
/// machine more than all the rest of its confinement (docs/decisions/0005-confinement.md).
enum FilterCompiler {
  /// The table as a Swift source file.
  static func table() throws(SystemError) -> String {
    var text = """
      // Made by `make filters` from Sources/confinement-filters: not to be edited.

      /// Parts of seccomp filters as libseccomp compiles them, an instruction (struct sock_filter) a number.
      enum FilterTable {
      """
    for part in Rules.parts {
      text += "\n  /// For \(part.purpose).\n  static let \(part.name): [UInt64] = [\n"
      let words = try program(part.rules).map { "0x" + hexadecimal($0) }
      for start in stride(from: 0, to: words.count, by: 5) {
        text += "    " + words[start..<min(start + 5, words.count)].joined(separator: ", ") + ",\n"
      }
      text += "  ]\n"
    }
    text += """

        /// The names of the system calls in the order of their numbers, a line each; empty where there is none.
        static let callNames: StaticString = \"\"\"

      """
    return text + names().map { $0.isEmpty ? "\n" : "    \($0)\n" }.joined() + "    \"\"\"\n}\n"
  }

  /// A filter that allows what the rules say, and traps on anything else.
  static func program(_ rules: [Rule]) throws(SystemError) -> [UInt64] {
    guard let context = seccomp_init(UInt32(CSECCOMP_TRAP)) else {
      throw SystemError(call: "seccomp_init", code: ENOMEM)
    }
    defer { seccomp_release(context) }
    try check(
      seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, UInt32(CSECCOMP_KILL_PROCESS)), "seccomp_attr_set")
    // A binary tree of numbers: the kernel tries a new filter with every number there is.
    try check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "seccomp_attr_set")
    for rule in rules {
      let number = seccomp_syscall_resolve_name(rule.call)
      guard number >= 0 else { throw SystemError(call: "unknown call \(rule.call)", code: EINVAL) }
      let conditions = rule.conditions.map(\.comparison)
      let result = conditions.withUnsafeBufferPointer {
        seccomp_rule_add_exact_array(
          context, UInt32(CSECCOMP_ALLOW), number, UInt32($0.count), $0.baseAddress)
      }
      try check(result, rule.call)
    }
    return try exported(context)
  }

  private static func exported(_ context: scmp_filter_ctx) throws(SystemError) -> [UInt64] {
    let file = Int32(clinux_memfd_create("filter", 0))
    guard file >= 0 else { throw SystemError(call: "memfd_create", code: -file) }
    defer { close(file) }
    try check(seccomp_export_bpf(context, file), "seccomp_export_bpf")
    let size = Int(lseek(file, 0, SEEK_END))
    var words = [UInt64](repeating: 0, count: size / 8)
    guard words.withUnsafeMutableBytes({ pread(file, $0.baseAddress, size, 0) }) == size else {
      throw SystemError(call: "pread", code: errno)
    }
    return words
  }

  private static func names() -> [String] {
    var names = (0..<512 as Range<Int32>).map { number in
      guard let name = seccomp_syscall_resolve_num_arch(UInt32(CSECCOMP_ARCH_X86_64), number) else {
        return ""
      }
      defer { free(name) }
      return String(cString: name)
    }
    while names.last?.isEmpty == true { names.removeLast() }
    return names
  }

  private static func check(_ result: Int32, _ what: String) throws(SystemError) {
    if result != 0 { throw SystemError(call: what, code: -result) }
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension Rule.Condition {
  fileprivate var comparison: scmp_arg_cmp {
    switch self {
    case .equals(let argument, let value):
      scmp_arg_cmp(arg: argument, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
    case .masked(let argument, let mask, let value):
      scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
    }
  }
}
