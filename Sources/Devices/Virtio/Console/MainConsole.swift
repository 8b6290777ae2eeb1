import GuestMemory

/// Port 0, the guest's console (hvc0 in Linux).
final class MainConsole: ConsolePortEnd {
  private static let inputLimit = 4096

  /// Nil where the machine has another console: what is written here is lost, and nothing comes.
  private let output: (any ConsoleOutput)?
  /// Nil where there is no terminal.
  private(set) var size: ConsoleSize?
  private var link: ConsoleLink?
  private var pendingInput: [UInt8] = []
  private var drain = OutputDrain()
  /// Without control queues, Linux 6.1 looks at the size only when told that it changed, and not before its port exists:
  /// told when the receive queue is filled, and again at the first output, when the terminal is open.
  private var isSizeKnown = false
  private var hasOutput = false

  var owed: OwedMessages = []
  private(set) var isAdded = false
  private var isGuestOpen = false

  init(output: (any ConsoleOutput)?, size: ConsoleSize?) {
    self.output = output
    self.size = output == nil ? nil : size
  }

  var exists: Bool { output != nil }

  func activate(_ link: ConsoleLink) {
    reset()
    self.link = link
  }

  func reset() {
    link = nil
    drain.reset()
    isSizeKnown = false
    hasOutput = false
    owed = []
    isAdded = false
    isGuestOpen = false
  }

  // MARK: Control

  func becomeReady() {
    isAdded = true
    owed.remove(.add)
    owed.insert(.console)
  }

  func guestChanged(isOpen: Bool) {
    isGuestOpen = isOpen
    if isOpen { announceSize() }
  }

  func takeMessage(port: Int) -> [UInt8] {
    switch owed.takeFirst() {
    case .add:
      isAdded = true
      return ConsoleControl.encode(.portAdd, port: port, value: true)
    case .console: return ConsoleControl.encode(.consolePort, port: port, value: true)
    case .size: return ConsoleControl.encode(.resize, port: port, value: false, size?.encoded ?? [])
    default: return []
    }
  }

  // MARK: Sizes

  /// The terminal has a new size.
  func resize(to size: ConsoleSize) {
    self.size = size
    if isSizeKnown { announceSize() }
  }

  private func announceSize() {
    guard size != nil, let link, link.hasSize else { return }
    isSizeKnown = true
    if link.hasControl { owed.insert(.size) } else { link.interrupt.configurationChanged() }
  }

  // MARK: Bytes

  var inputRoom: Int { Self.inputLimit - pendingInput.count }

  /// Keeps the bytes there is room for and returns their number.
  func take(_ bytes: some Collection<UInt8>) -> Int {
    let taken = bytes.prefix(inputRoom)
    pendingInput += taken
    return taken.count
  }

  func receive() -> Bool {
    guard let link, let queue = link.receive else { return false }
    if !link.hasControl, !isSizeKnown, size != nil, queue.hasAvailable() { announceSize() }
    guard isGuestOpen || !link.hasControl else { return false }
    var stop = VirtioQueue.Stop.limit
    while !pendingInput.isEmpty, stop == .limit {
      var delivered = 0
      stop = queue.serve { chain throws(DriverViolation) in
        guard chain.writableCount > 0 else { throw .requestLayout }
        guard delivered < pendingInput.count else { return .later }
        var cursor = ChainCursor(writable: chain)
        let count = cursor.write(pendingInput, from: delivered, to: link.memory)
        delivered += count
        return .used(UInt32(count))
      }
      pendingInput.removeFirst(delivered)
    }
    return false
  }

  func transmit() -> Bool {
    guard let link, let queue = link.transmit else { return false }
    if !link.hasControl, !hasOutput, queue.hasAvailable() {
      hasOutput = true
      announceSize()
    }
    return drain.run(queue) { output?.write($0, of: link.memory) }
  }
}
