import Backends
import Configuration
import Devices
import GuestMemory
import LinuxSystem

/// The guest's side of a console, on the I/O thread.
protocol ConsoleGuest: AnyObject {
  /// Takes from the front of `bytes` what the guest has room for, and returns how many bytes that is.
  func takeInput(_ bytes: ArraySlice<UInt8>) -> Int
  /// The host takes output again.
  func outputHasRoom(on line: ConsoleLine)
}

/// The host's side of a console, the same for every kind of device: input is read as fast as the guest takes it and
/// watched for the escape, output waits until the host takes it. Belongs to the I/O thread.
final class ConsoleLine: ConsoleOutput {
  private static let readLimit = 4096
  /// Bytes read ahead of the guest from a terminal: enough that the escape works where a guest has stopped to read.
  private static let typedAheadLimit = 64 << 10

  weak var guest: (any ConsoleGuest)?
  /// Nil where the guest gets no input.
  private let source: ConsoleSource?
  private let sink: ConsoleSink
  private let control: MachineControl
  /// Nil where the input is no terminal, whose every byte is the guest's.
  private var escape: ConsoleEscape?
  /// A terminal is read while it is raw, other inputs until they end.
  private var isReading: Bool
  private var waiting: ArraySlice<UInt8> = []
  private var inputReady: EventLoop.Registration?
  /// False for a file on disk: it is always ready, and read when the guest makes room.
  private var canBeWatched = true
  /// Whether there was output from guest memory; for ``guest`` to set back.
  var hasWritten = false
  private var outputRoom: EventLoop.Registration?
  private var loop: EventLoop?

  init(source: ConsoleSource?, isTerminal: Bool, sink: ConsoleSink, control: MachineControl) {
    self.source = source
    self.sink = sink
    self.control = control
    escape = isTerminal ? ConsoleEscape() : nil
    isReading = source != nil && !isTerminal
  }

  /// Begins to read and to wait for the host; once.
  func begin(on loop: EventLoop) {
    self.loop = loop
    deliver()
  }

  // MARK: Input

  /// Begins or ceases to read a terminal.
  func setReading(_ isReading: Bool) {
    self.isReading = isReading
    deliver()
  }

  /// Passes input on as far as the guest has room, to be called when it has more; what is not read yet stays where it
  /// is meanwhile.
  func deliver() {
    repeat {
      if let guest, !waiting.isEmpty { waiting.removeFirst(guest.takeInput(waiting)) }
    } while wantsInput && readInput()
    watchInput(wantsInput)
  }

  private var wantsInput: Bool {
    isReading && (escape == nil ? waiting.isEmpty : waiting.count < ConsoleLine.typedAheadLimit)
  }

  /// - Returns: whether there is more to pass on.
  private func readInput() -> Bool {
    switch source?.read(upTo: ConsoleLine.readLimit) {
    case .bytes(let bytes):
      guard let (forGuest, leave) = escape?.filter(bytes) else {
        waiting += bytes
        return true
      }
      waiting += forGuest
      if leave { control.end(Outcome(.endedAtConsole)) }
      return !forGuest.isEmpty
    case .end, nil:
      isReading = false
      // A terminal has no end: it has hung up, or other processes use it.
      if escape != nil { control.suspectTerminal() }
      return false
    case .some(.none): return false
    }
  }

  /// Waits for input; by registration and not by interest, because a hang-up is reported even to those without any.
  private func watchInput(_ wanted: Bool) {
    guard let loop, let source, canBeWatched, wanted != (inputReady != nil) else { return }
    if let inputReady {
      loop.unregister(inputReady)
      self.inputReady = nil
      return
    }
    do throws(SystemError) {
      inputReady = try source.whenReadable(on: loop) { [unowned self] in deliver() }
    } catch {
      canBeWatched = false
      if error.code != SystemError.notPermitted {
        control.note("the console's input is lost from here on: \(error)")
      }
    }
  }

  // MARK: Output

  func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int {
    hasWritten = true
    let taken = sink.write(slices, of: memory)
    control.consoleTail.append(slices, first: taken, of: memory)
    if taken < slices.reduce(0, { $0 &+ $1.count }) { waitForRoom() }
    return taken
  }

  /// Returns how many of the bytes were taken; where not all, the guest's side is told when there is room again.
  func write(_ bytes: ArraySlice<UInt8>) -> Int {
    let taken = sink.write(bytes)
    control.consoleTail.append(bytes.prefix(taken))
    if taken < bytes.count { waitForRoom() }
    return taken
  }

  /// Writes all of `bytes`, however long that takes unless a signal comes.
  func writeAll(_ bytes: ArraySlice<UInt8>, unless signals: SignalDescriptor) {
    control.consoleTail.append(bytes)
    sink.writeAll(bytes, unless: signals.descriptor)
  }

  private func waitForRoom() {
    guard outputRoom == nil, let loop else { return }
    outputRoom = try? sink.whenWritable(on: loop) { [unowned self] in
      if let outputRoom { loop.unregister(outputRoom) }
      outputRoom = nil
      guest?.outputHasRoom(on: self)
    }
  }
}
