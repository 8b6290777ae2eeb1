import Glibc

/// libFuzzer's main function, for a program with one of its own.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ argumentCount: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Runs libFuzzer on the target that FUZZ_TARGET names, or prints the names of all.
@main
enum Program {
  static func main() {
    guard let name = getenv("FUZZ_TARGET").map({ String(cString: $0) }) else {
      for target in FuzzTarget.all { print(target.name) }
      return
    }
    guard FuzzTarget.all.contains(where: { $0.name == name }) else { fatalError("no fuzz target \(name)") }
    var argumentCount = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(runDriver(&argumentCount, &arguments, testOneInput))
  }
}

/// Looked up once: it is called for every input.
private let target = FuzzTarget.all.first { target in
  getenv("FUZZ_TARGET").map { String(cString: $0) == target.name } ?? false
}

private func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
  do { try target?.run(bytes) } catch { fatalError("\(error)") }
  return 0
}

/// Swift keeps what is global, which looks like a leak; and the search for leaks can wait for ever in a sandbox.
@_cdecl("__asan_default_options")
func addressSanitizerOptions() -> UnsafePointer<CChar>? {
  let options: StaticString = "detect_leaks=0:allocator_may_return_null=1"
  return UnsafeRawPointer(options.utf8Start).assumingMemoryBound(to: CChar.self)
}
