import Bench
import DeviceFakes
import Devices
import Glibc
import LinuxSystem

/// What a program of the host does in place of the guest, and what it needs for that.
final class HostTwin {
  /// So many times of it.
  typealias Work = (Int) throws -> Void

  private let buffer: HostBuffer
  /// As large as the memory that the guest gives to its balloon.
  private let memory: HostBuffer
  private let disk: Int32
  private let folder: Int32
  private let shared: Int32
  private let pipe: [Int32]
  private let stream: Int32
  private let streamEcho: Echo
  /// Nil where no tap can be made.
  private let tap: Tap?
  var hasTap: Bool { tap != nil }

  init(disk path: String, folder: TemporaryFolder, hasNetwork: Bool) throws {
    buffer = try HostBuffer(count: 128 << 10)
    memory = try HostBuffer(count: GuestWork.mebibytes << 20)
    disk = try FileDescriptor(opening: path, O_RDWR).release()
    self.folder = try FileDescriptor(opening: folder.path, O_RDONLY).release()
    shared = try FileDescriptor(opening: "\(folder.path)/\(GuestWork.sharedFile)", O_RDWR).release()
    var ends: [Int32] = [0, 0]
    guard Glibc.pipe(&ends) == 0 else { throw Failure("no pipe: error \(errno)") }
    pipe = ends
    let (ours, theirs) = try UnixSocket.pair()
    stream = ours
    streamEcho = try Echo(theirs)
    tap = hasNetwork ? try Tap("benchhost") : nil
    try tap?.sendBack()
  }

  deinit { for number in [disk, folder, shared, stream] + pipe { close(number) } }

  // MARK: Files

  func read(_ length: Int) -> Work { transfer(disk, BlockMeasures.imageSize, length, buffer.read(_:_:at:)) }
  func write(_ length: Int) -> Work { transfer(disk, BlockMeasures.imageSize, length, buffer.write(_:_:at:)) }
  func readShared(_ length: Int) -> Work {
    transfer(shared, GuestWork.sharedSize, length, buffer.read(_:_:at:))
  }
  func writeShared(_ length: Int) -> Work {
    transfer(shared, GuestWork.sharedSize, length, buffer.write(_:_:at:))
  }

  private func transfer(
    _ file: Int32, _ size: Int, _ length: Int, _ call: @escaping (Int32, Int, _ offset: Int) throws -> Void
  ) -> Work {
    let places = Places(count: size / length)
    return { for _ in 0..<$0 { try call(file, length, places.next() * length) } }
  }

  /// Two threads share the work.
  func readOnTwo(_ length: Int) -> Work {
    let (disk, ours) = (disk, read(length))
    return { count in
      let error = Promise<(any Error)?>()
      let other = try LinuxSystem.Thread(name: "reader") {
        error.keep(
          Result {
            let buffer = try HostBuffer(count: length)
            let places = Places(count: BlockMeasures.imageSize / length)
            for _ in 0..<count / 2 { try buffer.read(disk, length, at: places.next() * length) }
          }.failure)
      }
      let result = Result { try ours(count - count / 2) }
      other.join()
      if let error = error.wait() { throw error }
      try result.get()
    }
  }

  func attributes(_ count: Int) throws {
    for _ in 0..<count { try Host.attributes(of: GuestWork.sharedFile, in: folder) }
  }

  func open(_ count: Int) throws {
    for _ in 0..<count { try Host.open(GuestWork.sharedFile, in: folder) }
  }

  // MARK: Streams and frames

  /// Bytes through a socket and back, so many pieces of them under way.
  func echo(_ length: Int, together: Int = 1) -> Work {
    { [buffer, stream] count in
      for _ in 0..<count / together {
        for _ in 0..<together { try buffer.write(stream, length) }
        try buffer.readAll(stream, together * length)
      }
    }
  }

  /// Frames by a tap and back, so many of them under way. Nil where there is no tap.
  func echoFrames(_ length: Int, together: Int = 1) throws -> Work? {
    guard let tap else { return nil }
    let framed = [UInt8](repeating: 0, count: NetHeader.size) + Frames.frame(length)
    let buffer = try HostBuffer(count: framed.count)
    buffer.write(framed)
    return { count in
      for _ in 0..<count / together {
        for _ in 0..<together { try buffer.write(tap.number, framed.count) }
        for _ in 0..<together { try buffer.read(tap.number, framed.count) }
      }
    }
  }

  /// Into a pipe, from which it is taken too.
  func writePipe(_ length: Int) -> Work {
    { [buffer, pipe] count in
      for _ in 0..<count {
        try buffer.write(pipe[1], length)
        try buffer.readAll(pipe[0], length)
      }
    }
  }

  func random(_ length: Int) -> Work { { [buffer] in for _ in 0..<$0 { try buffer.random(length) } } }

  // MARK: Memory, page by page

  func touch(_ pages: Int) { memory.touch(pages: pages) }
  func touchAll() { memory.touch() }
  func releaseAll() throws { try memory.release(page: 0, pages: memory.count / 4096) }

  /// Gives back so many neighbours by each call.
  func release(together: Int) -> Work {
    { [memory] pages in
      for page in stride(from: 0, to: pages, by: together) { try memory.release(page: page, pages: together) }
    }
  }
}

extension Result {
  fileprivate var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}
