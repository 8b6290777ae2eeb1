import LinuxCalls

/// The program of a session, and this end of its standard files.
struct RunningProgram {
  /// 0 when it has not begun or has ended.
  var process: Int32 = 0
  /// A terminal is input and output in one.
  private(set) var input: Int32 = -1
  private(set) var output: Int32 = -1
  private(set) var errors: Int32 = -1
  private(set) var isTerminal = false

  var hasOutput: Bool { output >= 0 || errors >= 0 }

  /// Runs what is asked for.
  /// - Parameter received: where the request's places are.
  mutating func start(_ request: StartRequest, _ received: UnsafeBufferPointer<UInt8>) throws(Failure) {
    let bytes = received.baseAddress!
    let account = try Account(bytes + request.user)
    if request.options.contains(.makesDirectory) { makeFolders(bytes + request.directory) }
    var theirs = StandardFiles()
    defer { theirs.close() }
    isTerminal = request.options.contains(.terminal)
    try isTerminal ? openTerminal(&theirs, request.window, account) : openPipes(&theirs, account)

    let texts = text_pointers()!
    let environment = texts + request.argumentCount + 1
    list(bytes + request.arguments, request.argumentCount, into: texts)
    list(bytes + request.environment, request.environmentCount, into: environment)
    account.completeHome(environment, count: request.environmentCount)
    var start = ProgramStart(
      arguments: texts, environment: environment, directory: bytes + request.directory, account: account,
      files: theirs, request: request, received: received)
    let heap = heap_used()
    let result = withUnsafeMutablePointer(to: &start) { spawn($0) }
    heap_reset(heap)
    guard result > 0 else { throw Failure(.resources, code: UInt16(truncatingIfNeeded: -result)) }
    if let failure = start.failure {
      _ = sys_wait_for(Int32(truncatingIfNeeded: result))
      throw failure
    }
    process = Int32(truncatingIfNeeded: result)
  }

  private func list(
    _ first: CText, _ count: Int, into pointers: UnsafeMutablePointer<CText?>
  ) {
    var next = first
    for index in 0..<count {
      pointers[index] = next
      next += length(next) + 1
    }
    pointers[count] = nil
  }

  private mutating func openTerminal(
    _ theirs: inout StandardFiles, _ size: WindowSize, _ account: borrowing Account
  ) throws(Failure) {
    let terminal = openFile("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
    guard terminal >= 0 else { throw Failure(.resources, code: UInt16(truncatingIfNeeded: -terminal)) }
    output = Int32(truncatingIfNeeded: terminal)
    input = output
    _ = sys_terminal_unlock(output)
    let peer = sys_terminal_peer(output)
    guard peer >= 0 else { throw Failure(.resources, code: UInt16(truncatingIfNeeded: -peer)) }
    theirs.input = Int32(truncatingIfNeeded: peer)
    theirs.output = theirs.input
    theirs.errors = theirs.input
    resize(size)
    // So that the program can open it by its name. Its group stays the one of terminals.
    if account.user != 0 { _ = sys_set_owner(theirs.input, account.user, UInt32.max) }
  }

  private mutating func openPipes(_ theirs: inout StandardFiles, _ account: borrowing Account) throws(Failure) {
    (theirs.input, input) = try Self.pipe()
    (output, theirs.output) = try Self.pipe()
    (errors, theirs.errors) = try Self.pipe()
    for file in [input, output, errors] { _ = sys_set_flags(file, O_NONBLOCK) }
    // So that the program can open /dev/stdout and the others.
    guard account.user != 0 else { return }
    for file in [theirs.input, theirs.output, theirs.errors] { _ = sys_set_owner(file, account.user, account.group) }
  }

  private static func pipe() throws(Failure) -> (Int32, Int32) {
    var ends: (Int32, Int32) = (-1, -1)
    let result = withUnsafeMutableBytes(of: &ends) {
      sys_pipe($0.baseAddress!.assumingMemoryBound(to: Int32.self))
    }
    guard result == 0 else { throw Failure(.resources, code: UInt16(truncatingIfNeeded: -result)) }
    return ends
  }

  func resize(_ size: WindowSize) {
    guard isTerminal, output >= 0, size.columns > 0 else { return }
    _ = sys_set_window_size(output, size.columns, size.rows)
  }

  /// Sends a signal to the program and the processes of its group.
  func signal(_ number: Int32) {
    if process > 0 { _ = sys_kill(-process, number) }
  }

  mutating func closeInput() {
    if input >= 0, !isTerminal { _ = sys_close(input) }
    input = -1
  }

  mutating func closeOutput(_ kind: GuestKind) {
    if kind == .output {
      if output >= 0 { _ = sys_close(output) }
      output = -1
      if isTerminal { input = -1 }
    } else {
      if errors >= 0 { _ = sys_close(errors) }
      errors = -1
    }
  }

  mutating func close() {
    closeInput()
    closeOutput(.output)
    closeOutput(.errorOutput)
  }
}

/// The program's end of its standard files.
struct StandardFiles {
  var input: Int32 = -1
  var output: Int32 = -1
  var errors: Int32 = -1

  func close() {
    if input >= 0 { _ = sys_close(input) }
    if output != input, output >= 0 { _ = sys_close(output) }
    if errors != input, errors >= 0 { _ = sys_close(errors) }
  }
}
