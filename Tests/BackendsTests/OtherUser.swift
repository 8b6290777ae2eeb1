import Glibc

/// Functions of the C library that Swift does not import.
private func function<Function>(_ name: String, as type: Function.Type) -> Function {
  unsafeBitCast(dlsym(nil, name), to: type)
}

/// Calls `body` while this thread looks at files as a user who owns none: root is refused then what other users are.
func asNobody<Value>(_ body: () throws -> Value) rethrows -> Value {
  let setUser = function("setfsuid", as: (@convention(c) (uid_t) -> CInt).self)
  _ = setUser(65534)
  defer { _ = setUser(geteuid()) }
  return try body()
}

/// The two ends of a new terminal: of the program that shows it, and of those it is for.
func openTerminal() -> (master: Int32, slave: Int32) {
  let master = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY)
  var name = [CChar](repeating: 0, count: 64)
  _ = function("unlockpt", as: (@convention(c) (CInt) -> CInt).self)(master)
  _ = function("ptsname_r", as: (@convention(c) (CInt, UnsafeMutablePointer<CChar>, Int) -> CInt).self)(
    master, &name, name.count)
  return (master, Glibc.open(name, O_RDWR | O_NOCTTY))
}
