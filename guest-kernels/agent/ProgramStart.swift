import LinuxCalls

/// What the new process needs to become the program, and where it leaves why it could not.
struct ProgramStart {
  let arguments: UnsafeMutablePointer<CText?>
  let environment: UnsafeMutablePointer<CText?>
  let directory: CText
  let account: Account
  let files: StandardFiles
  let request: StartRequest
  /// Where the request's places are.
  let received: UnsafeBufferPointer<UInt8>
  private(set) var failure: Failure?

  /// Runs in the new process, which shares memory with the agent until it becomes another program.
  mutating func becomeProgram() {
    _ = sys_setsid()
    if request.options.contains(.terminal) { _ = sys_take_terminal(files.input) }
    _ = sys_dup2(files.input, 0)
    _ = sys_dup2(files.output, 1)
    _ = sys_dup2(files.errors, 2)
    for index in 0..<request.limitCount {
      let limit = request.limit(index, in: received.span)
      let result = sys_set_limit(Int32(limit.resource), limit.soft, limit.hard)
      guard result == 0 else { return fail(.limit, result, detail: limit.resource) }
    }
    if account.user != 0 || account.group != 0 || account.groupCount > 0 {
      let result = account.become()
      guard result == 0 else { return fail(.user, result) }
    }
    if directory.pointee != 0 {
      let result = sys_chdir(directory)
      guard result == 0 else { return fail(.directory, result) }
    }
    _ = sys_set_signal_mask(0)
    guard let command = arguments[0] else { return }
    fail(.execution, execute(command, arguments, environment))
  }

  private mutating func fail(_ step: Failure.Step, _ result: Int, detail: UInt8 = 0) {
    failure = Failure(step, code: UInt16(truncatingIfNeeded: -result), detail: detail)
  }

  init(
    arguments: UnsafeMutablePointer<CText?>, environment: UnsafeMutablePointer<CText?>, directory: CText,
    account: Account, files: StandardFiles, request: StartRequest, received: UnsafeBufferPointer<UInt8>
  ) {
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.account = account
    self.files = files
    self.request = request
    self.received = received
  }
}

/// Called by start.S on the new process's stack.
@c
func child_main(start: UnsafeMutableRawPointer) -> Never {
  start.assumingMemoryBound(to: ProgramStart.self).pointee.becomeProgram()
  sys_exit(127)
}
