import Glibc
import LinuxSystem

/// Standard output or error, with what it has not taken yet.
struct OutputStream: ~Copyable {
  private let stream: WaitlessStream
  private var pending: [UInt8] = []
  private var written = 0
  /// Why nothing can be written any more.
  private var failure: SystemError?
  private var isFailureTold = false

  init(_ number: Int32) throws(SystemError) { stream = try WaitlessStream(number, O_WRONLY) }

  var isBusy: Bool { written < pending.count }
  /// For poll(2): negative where nothing waits to be written.
  var descriptor: Int32 { isBusy ? stream.descriptor.raw : -1 }

  /// Why nothing can be written any more, the first time that this is asked afterwards.
  mutating func news() -> SystemError? {
    guard !isFailureTold, let failure else { return nil }
    isFailureTold = true
    return failure
  }

  /// Takes bytes to write; only when not busy.
  mutating func put(_ bytes: ArraySlice<UInt8>) {
    guard failure == nil else { return }
    pending = Array(bytes)
    written = 0
    flush()
  }

  mutating func flush() {
    do throws(SystemError) {
      while isBusy { written += try stream.write(pending[written...]) }
    } catch {
      if error.code == SystemError.tryAgain { return }
      failure = error
    }
    pending.removeAll(keepingCapacity: true)
    written = 0
  }
}

/// Standard input, read when somebody wants it.
struct InputStream: ~Copyable {
  private let stream: WaitlessStream
  private(set) var isAtEnd = false

  /// - Parameter isEmpty: whether there is nothing in it, whatever standard input is.
  init(isEmpty: Bool) throws(SystemError) {
    guard isEmpty else {
      stream = try WaitlessStream(STDIN_FILENO, O_RDONLY)
      return
    }
    let null = try FileDescriptor(opening: "/dev/null", O_RDONLY)
    stream = try WaitlessStream(null.raw, O_RDONLY)
  }

  /// For poll(2); negative at the end.
  var descriptor: Int32 { isAtEnd ? -1 : stream.descriptor.raw }

  /// What can be read at once; nil where nothing can. Empty at the end.
  mutating func read(upTo count: Int) -> [UInt8]? {
    guard !isAtEnd else { return nil }
    do throws(SystemError) {
      let bytes = try stream.read(upTo: count)
      if bytes.isEmpty { isAtEnd = true }
      return bytes
    } catch {
      if error.code == SystemError.tryAgain { return nil }
      isAtEnd = true
      return []
    }
  }
}
