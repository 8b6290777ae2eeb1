public import Boot
public import Configuration
public import LinuxSystem

/// What a bzImage carries: the compressed ELF, and what unpacking it must give.
public struct Payload: Sendable {
  /// More than any kernel unpacks to; a bigger number in a file is not believed.
  public static let unpackedLimit = 1 << 30

  public let compression: Compression
  public let bytes: [UInt8]
  public let unpackedSize: Int

  /// - Throws: a `Diagnostic` that calls the kernel `name`.
  public init(of image: BzImage, in source: some ImageSource, name: String) throws(Diagnostic) {
    guard let compression = image.compression else {
      throw badKernel(name, "has a payload in no known compression; give its vmlinux")
    }
    guard compression != .lzo else {
      throw badKernel(
        name, "is packed with lzo, which is not supported; pack it with zstd, or give its vmlinux")
    }
    self.compression = compression
    do throws(ImageError) {
      bytes = try source.bytes(at: image.payloadOffset, count: Int(image.payloadSize))
    } catch {
      throw badKernel(name, "\(error)")
    }
    unpackedSize = bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard bytes.count > 4, (1...Payload.unpackedLimit).contains(unpackedSize) else {
      throw badKernel(
        name, "is corrupt: a payload that unpacks to \(unpackedSize) bytes; copy or build it again")
    }
  }

  /// The ELF file, in memory.
  /// - Throws: a `Diagnostic` that calls the kernel `name`.
  public func unpack(name: String) throws(Diagnostic) -> MappedMemory {
    let memory: MappedMemory
    do throws(SystemError) {
      memory = try MappedMemory(anonymous: unpackedSize)
    } catch {
      throw Diagnostic(.hostResource, "no memory to unpack the kernel", which: name, mend: "\(error)")
    }
    // The size at the end is Linux's, except with gzip, whose own format ends with it.
    let stream = compression == .gzip ? bytes[...] : bytes.dropLast(4)
    var outcome: Result<Int, DecompressionError> = .failure(.truncated)
    let output = UnsafeMutableRawBufferPointer(start: memory.base, count: memory.count)
    stream.withUnsafeBytes { input in
      outcome = Result { () throws(DecompressionError) in try compression.unpack(input, into: output) }
    }
    switch outcome {
    case .success(unpackedSize): return memory
    case .success(let count):
      throw badKernel(
        name, "is corrupt: it unpacks to \(count) bytes, not \(unpackedSize); copy or build it again")
    case .failure(.outOfMemory):
      throw Diagnostic(.hostResource, "no memory to unpack the kernel", which: name, mend: "free some")
    case .failure(let error): throw badKernel(name, "is packed with \(compression), but \(error)")
    }
  }
}

/// A kernel file that cannot be booted; `why` reads on after its name.
public func badKernel(_ name: String, _ why: String) -> Diagnostic {
  Diagnostic(.badInput, "bad kernel", which: name, mend: why)
}
