import Backends
import Configuration
import Devices
import GuestMemory
import LinuxSystem

/// A device that waits for the host as well as for its driver.
protocol LoopResident: VirtioDevice {
  /// Begins to watch what it waits for; once, on the I/O thread, before the guest runs.
  func begin(on loop: EventLoop) throws(SystemError)
}

/// The virtio console joined to the person's terminal, or to whatever standard input and output are.
final class ConsolePort: LoopResident, ConsoleOutput {
  private static let readLimit = 4096

  private let stream: ConsoleStream
  private let control: MachineControl
  /// Nil where the input is no terminal, whose every byte is the guest's.
  private var escape: ConsoleEscape?
  private var waitingInput: [UInt8] = []
  private var inputEnded = false
  private var inputReady: EventLoop.Registration?
  private var outputRoom: EventLoop.Registration?
  private var loop: EventLoop?
  private lazy var device = ConsoleDevice(output: WeakOutput(self), size: size)
  private let size: ConsoleSize?

  init(stream: ConsoleStream, size: ConsoleSize?, hasEscape: Bool, control: MachineControl) {
    self.stream = stream
    self.size = size
    self.control = control
    escape = hasEscape ? ConsoleEscape() : nil
  }

  var identity: VirtioIdentity { device.identity }
  func activate(_ activation: VirtioActivation) { device.activate(activation) }
  func reset() { device.reset() }

  func process(queue: Int) -> Bool {
    let more = device.process(queue: queue)
    deliver()
    return more
  }

  func resize(to size: ConsoleSize) { device.resize(to: size) }

  func begin(on loop: EventLoop) throws(SystemError) {
    self.loop = loop
    do throws(SystemError) {
      inputReady = try loop.register(stream.input, .readable) { [unowned self] _ in deliver() }
    } catch {
      // A file on disk is always ready, and epoll does not take it: it is read as the guest makes room.
      if error.code != SystemError.notPermitted { throw error }
    }
  }

  /// Passes input on as far as the guest has room, and waits for more only then.
  private func deliver() {
    while !inputEnded, waitingInput.isEmpty || device.inputRoom > 0 {
      if waitingInput.isEmpty, !readInput() { break }
      let taken = device.input(waitingInput)
      waitingInput.removeFirst(taken)
      if taken == 0, !waitingInput.isEmpty { break }
    }
    let wanted: EventLoop.Interest = inputEnded || !waitingInput.isEmpty ? [] : .readable
    if let inputReady {
      if inputEnded {
        loop?.unregister(inputReady)
        self.inputReady = nil
      } else {
        try? loop?.update(inputReady, wanted)
      }
    }
  }

  /// - Returns: whether there are bytes to pass on.
  private func readInput() -> Bool {
    switch stream.read(upTo: ConsolePort.readLimit) {
    case .none: return false
    case .end:
      inputEnded = true
      return false
    case .bytes(let bytes):
      guard var filter = escape else {
        waitingInput = bytes
        return true
      }
      let (forGuest, leave) = filter.filter(bytes)
      escape = filter
      waitingInput = forGuest
      if leave { control.end(Outcome(.endedAtConsole)) }
      return !forGuest.isEmpty
    }
  }

  func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int {
    let taken = stream.write(slices, of: memory)
    let total = slices.reduce(0) { $0 &+ $1.count }
    if taken < total { waitForRoom() }
    return taken
  }

  private func waitForRoom() {
    guard outputRoom == nil, let loop else { return }
    outputRoom = try? loop.register(stream.output, .writable) { [unowned self] _ in
      if let outputRoom { loop.unregister(outputRoom) }
      outputRoom = nil
      while device.resumeOutput() {}
    }
  }

  /// The device holds its output, which holds the device: one of the two must not keep the other alive.
  private final class WeakOutput: ConsoleOutput {
    private unowned let port: ConsolePort
    init(_ port: ConsolePort) { self.port = port }
    func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int { port.write(slices, of: memory) }
  }
}
