import LinuxCalls

/// Process 1 of a machine that `swiftlet run` made: has the host tell what the root is and what to run, does that, and
/// passes bytes, signals and the end between the two.
@c
func init_main(count: Int, arguments: CTextArray, environment: CTextArray) -> Never {
  guard sys_getpid() == 1 else {
    Text.print { $0.add("agent: this is a guest's first process and does nothing elsewhere\n") }
    sys_exit(2)
  }
  withUnsafeTemporaryAllocation(of: Session.self, capacity: Agent.sessionLimit) { sessions in
    withUnsafeTemporaryAllocation(of: pollfd.self, capacity: Agent.entryLimit) { entries in
      guard let sessions = sessions.baseAddress, let entries = entries.baseAddress else { return }
      var agent = Agent(sessions: sessions, entries: entries)
      agent.begin()
      while true { agent.turn() }
    }
  }
  sys_exit(1)
}

/// All sessions, and what the whole machine has one of.
struct Agent {
  static let sessionLimit = 16
  static let entryLimit = fixedEntries + sessionLimit * Session.entryCount
  private static let fixedEntries = 2
  /// The host's address.
  private static let host: UInt32 = 2
  private static let childSignal: UInt64 = 1 << UInt64(SIGCHLD - 1)
  /// Seconds in which no killed process ends, after which those that are left are taken for stuck in the kernel.
  private static let patience = 5

  private let sessions: UnsafeMutablePointer<Session>
  /// Of poll(2): ended children, new sessions, and then ``Session/entryCount`` for each session.
  private let entries: UnsafeMutablePointer<pollfd>
  /// Sessions behind this one were never used.
  private var sessionCount = 0
  private var children: Int32 = -1
  private var listener: Int32 = -1
  private var settles = false
  private var hasEndedTheRest = false
  private var layer: Int32 = -1

  init(sessions: UnsafeMutablePointer<Session>, entries: UnsafeMutablePointer<pollfd>) {
    self.sessions = sessions
    self.entries = entries
  }

  /// Calls the host and takes the first session.
  mutating func begin() {
    openStandardFiles()
    _ = sys_set_signal_mask(Agent.childSignal)
    children = Int32(truncatingIfNeeded: sys_signal_descriptor(Agent.childSignal))
    let socket = Int32(truncatingIfNeeded: sys_vsock_stream(0))
    guard socket >= 0, sys_vsock_connect(socket, Agent.host, Wire.port) == 0 else { powerOff() }
    // The host speaks at once: the first read waits for it, later ones do not.
    guard let session = Session(socket, isFirst: true) else { powerOff() }
    addSession(session)
    receive(0)
    _ = sys_set_flags(socket, O_RDWR | O_NONBLOCK)
    finishTurn(0)
  }

  /// Waits for whatever is next, and does it.
  mutating func turn() {
    prepareEntries()
    guard sys_poll(entries, Agent.fixedEntries + sessionCount * Session.entryCount) > 0 else { return }
    if entries[0].revents != 0 { reap() }
    if entries[1].revents != 0 { accept() }
    for number in 0..<sessionCount where sessions[number].isUsed {
      let own = entries + Agent.fixedEntries + number * Session.entryCount
      if sessions[number].hasNews(own) { receive(number) }
      finishTurn(number)
    }
  }

  private func prepareEntries() {
    entries[0] = pollfd(fd: children, events: Int16(POLLIN), revents: 0)
    entries[1] = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    for number in 0..<sessionCount {
      sessions[number].prepare(entries + Agent.fixedEntries + number * Session.entryCount)
    }
  }

  /// Takes what the host has sent in a session.
  private mutating func receive(_ number: Int) {
    guard sessions[number].isUsed, sessions[number].fill() else { return close(number) }
    do throws(ProtocolViolation) {
      while let message = try sessions[number].nextMessage() {
        if case .setup(let request) = message {
          guard prepare(request, for: number) else { return }
        } else {
          sessions[number].take(message)
        }
      }
    } catch {
      sessions[number].fail(Failure(.request))
    }
  }

  /// Makes the machine ready; false where that failed, which the host has been told then.
  private mutating func prepare(_ request: SetupRequest, for number: Int) -> Bool {
    let failure = sessions[number].withReceived { bytes in
      var machine = Machine(request, bytes)
      let failure = machine.prepare()
      layer = machine.layer
      return failure
    }
    if let failure {
      sessions[number].fail(failure)
      return false
    }
    settles = request.options.contains(.settles)
    if request.options.contains(.listens) {
      let socket = sys_vsock_stream(O_NONBLOCK)
      listener = Int32(truncatingIfNeeded: socket)
      _ = sys_vsock_listen(listener, Wire.port)
    }
    return true
  }

  private mutating func finishTurn(_ number: Int) {
    guard sessions[number].isUsed else { return }
    sessions[number].relay()
    if sessions[number].isDrained {
      if number == 0, settles { settle(layer) }
      sessions[number].tellEnd()
    }
    if !sessions[number].flush() || sessions[number].isOver && number != 0 { close(number) }
  }

  /// Ends a session; with the first one, the machine.
  private mutating func close(_ number: Int) {
    guard sessions[number].isUsed else { return }
    sessions[number].close()
    guard number > 0 else {
      endTheRest()
      if settles { settle(layer) }
      powerOff()
    }
  }

  private mutating func accept() {
    var peer: UInt32 = 0
    let socket = Int32(truncatingIfNeeded: sys_vsock_accept(listener, &peer))
    guard socket >= 0 else { return }
    // Nobody else has anything to say here: no program of the machine either.
    guard peer == Agent.host else {
      _ = sys_close(socket)
      return
    }
    for number in 1..<Agent.sessionLimit where number >= sessionCount || !sessions[number].isUsed {
      guard let session = Session(socket, isFirst: false) else { break }
      return addSession(session, at: number)
    }
    Session.refuse(socket)
  }

  private mutating func addSession(_ session: Session, at number: Int = 0) {
    (sessions + number).initialize(to: session)
    sessionCount = max(sessionCount, number + 1)
  }
}

extension Agent {
  /// Collects all processes that have ended. With the first session's program the others end as well.
  private mutating func reap() {
    // What the records tell is less than what waiting does.
    drainChildSignals()
    _ = collect()
    if sessions[0].hasEnded { endTheRest() }
  }

  private func drainChildSignals() {
    withUnsafeTemporaryAllocation(byteCount: 128 * 4, alignment: 8) {
      _ = sys_read(children, $0.baseAddress, $0.count)
    }
  }

  /// Kills all other processes, and waits until they are gone, but not for those that the kernel does not let go.
  private mutating func endTheRest() {
    guard !hasEndedTheRest else { return }
    hasEndedTheRest = true
    _ = sys_kill(-1, SIGKILL)
    var limit = timespec(tv_sec: Agent.patience, tv_nsec: 0)
    while collect(), sys_wait_signal(Agent.childSignal, &limit) > 0 {}
  }

  /// Collects what has ended.
  /// - Returns: whether there are processes left.
  private func collect() -> Bool {
    var status: Int32 = 0
    while true {
      let process = sys_wait(&status, WNOHANG)
      guard process > 0 else { return process == 0 }
      for number in 0..<sessionCount { sessions[number].processEnded(Int32(truncatingIfNeeded: process), status) }
    }
  }

  /// Without a console there is nothing to read from and to write to, which programs and this one need not know.
  private func openStandardFiles() {
    _ = mount("devtmpfs", on: "/dev")
    for file: Int32 in 0..<3 where sys_is_open(file) == 0 {
      let result = openFile("/dev/console", O_RDWR)
      if result < 0 { _ = openFile("/dev/null", O_RDWR) }
    }
  }

  private func powerOff() -> Never { Platform().powerOff(status: 0) }
}
