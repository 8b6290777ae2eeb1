public import Boot
import CCompression

/// Why a compressed stream gave no contents.
public enum DecompressionError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The stream ends before its contents do.
  case truncated
  /// The stream contradicts its format or its checksum.
  case corrupt
  /// The contents are longer than the limit, in bytes.
  case tooLong(limit: Int)
  /// The library could not get the memory it needs.
  case outOfMemory
  /// No library for this compression is built in.
  case unsupported(Compression)

  public var description: String {
    switch self {
    case .truncated: "the compressed data are truncated; copy or build it again"
    case .corrupt: "the compressed data are corrupt; copy or build it again"
    case .tooLong(let limit): "the unpacked data are longer than the \(limit) bytes announced"
    case .outOfMemory: "not enough memory to unpack"
    case .unsupported(let compression): "\(compression) is not supported"
    }
  }
}

extension Compression {
  /// Unpacks the whole of `input` into the start of `output`, whose length is the limit.
  /// - Returns: how many bytes were unpacked.
  public func unpack(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(DecompressionError) -> Int {
    guard let source = input.baseAddress, input.count > 0, let target = output.baseAddress else {
      throw .truncated
    }
    let from = UnsafeBufferPointer(
      start: source.assumingMemoryBound(to: UInt8.self), count: min(input.count, Int(Int32.max)))
    let to = UnsafeMutableBufferPointer(
      start: target.assumingMemoryBound(to: UInt8.self), count: min(output.count, Int(Int32.max)))
    switch self {
    case .gzip: return try unpackGzip(from, into: to)
    case .lz4: return try unpackLegacyLZ4(from, into: to)
    case .zstd: return try unpackZstandard(from, into: to)
    case .xz: return try unpackXZ(from, into: to)
    case .lzma: return try unpackLZMA(from, into: to)
    case .bzip2: return try unpackBzip2(from, into: to)
    case .lzo: throw .unsupported(.lzo)
    }
  }

  /// Unpacks the whole of `input`, refused where that gives more than `limit` bytes.
  public func unpack(_ input: [UInt8], limit: Int) throws(DecompressionError) -> [UInt8] {
    var failure: DecompressionError?
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      input.withUnsafeBytes { bytes in
        do throws(DecompressionError) {
          count = try unpack(
            bytes,
            into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<limit]))
        } catch { failure = error }
      }
    }
    if let failure { throw failure }
    return bytes
  }
}

private typealias Input = UnsafeBufferPointer<UInt8>
private typealias Output = UnsafeMutableBufferPointer<UInt8>

/// The largest dictionary an xz or lzma stream may ask memory for; Linux uses at most 128 MiB.
private let dictionaryLimit: UInt64 = 256 << 20

// lz4 and bzip2 call their bytes char.
private func characters(_ bytes: Input, from offset: Int) -> UnsafePointer<CChar>? {
  bytes.baseAddress.map { UnsafeRawPointer($0 + offset).assumingMemoryBound(to: CChar.self) }
}

private func characters(_ bytes: Output, from offset: Int) -> UnsafeMutablePointer<CChar>? {
  bytes.baseAddress.map { UnsafeMutableRawPointer($0 + offset).assumingMemoryBound(to: CChar.self) }
}

private func unpackGzip(_ input: Input, into output: Output) throws(DecompressionError) -> Int {
  var stream = z_stream()
  // 15 bits of window, and 16 for a gzip header rather than a zlib one.
  guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
    throw .outOfMemory
  }
  defer { inflateEnd(&stream) }
  stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
  stream.avail_in = UInt32(input.count)
  stream.next_out = output.baseAddress
  stream.avail_out = UInt32(output.count)
  switch inflate(&stream, Z_FINISH) {
  case Z_STREAM_END: return Int(stream.total_out)
  case Z_BUF_ERROR, Z_OK: throw stream.avail_out == 0 ? .tooLong(limit: output.count) : .truncated
  case Z_MEM_ERROR: throw .outOfMemory
  default: throw .corrupt
  }
}

/// The legacy frame: a magic number, then blocks of at most 8 MiB unpacked, each after its packed size.
private func unpackLegacyLZ4(_ input: Input, into output: Output) throws(DecompressionError) -> Int {
  func word(at offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(input[offset + $1]) << UInt32(8 * $1) }
  }
  let magic: UInt32 = 0x184c_2102
  guard input.count >= 4 else { throw .truncated }
  guard word(at: 0) == magic else { throw .corrupt }
  var position = 4
  var unpacked = 0
  while position < input.count {
    guard input.count - position >= 4 else { throw .truncated }
    let packed = word(at: position)
    position += 4
    // Another frame may follow.
    if packed == magic { continue }
    guard packed > 0, packed <= UInt32(LZ4_compressBound(8 << 20)) else { throw .corrupt }
    guard Int(packed) <= input.count - position else { throw .truncated }
    let room = output.count - unpacked
    guard room > 0 else { throw .tooLong(limit: output.count) }
    let count = LZ4_decompress_safe(
      characters(input, from: position), characters(output, from: unpacked),
      Int32(packed), Int32(room))
    // The library does not tell a full buffer from a bad block.
    guard count >= 0 else { throw room < 8 << 20 ? .tooLong(limit: output.count) : .corrupt }
    position += Int(packed)
    unpacked += Int(count)
  }
  return unpacked
}

private func unpackZstandard(_ input: Input, into output: Output) throws(DecompressionError) -> Int {
  guard let context = ZSTD_createDCtx() else { throw .outOfMemory }
  defer { ZSTD_freeDCtx(context) }
  let result = ZSTD_decompressDCtx(
    context, output.baseAddress, output.count, input.baseAddress, input.count)
  guard ZSTD_isError(result) != 0 else { return result }
  switch ZSTD_getErrorCode(result) {
  case ZSTD_error_dstSize_tooSmall: throw .tooLong(limit: output.count)
  case ZSTD_error_srcSize_wrong: throw .truncated
  case ZSTD_error_memory_allocation: throw .outOfMemory
  default: throw .corrupt
  }
}

private func unpackXZ(_ input: Input, into output: Output) throws(DecompressionError) -> Int {
  var stream = lzma_stream()
  guard lzma_stream_decoder(&stream, dictionaryLimit, 0) == LZMA_OK else { throw .outOfMemory }
  return try run(&stream, input, output)
}

private func unpackLZMA(_ input: Input, into output: Output) throws(DecompressionError) -> Int {
  var stream = lzma_stream()
  guard lzma_alone_decoder(&stream, dictionaryLimit) == LZMA_OK else { throw .outOfMemory }
  return try run(&stream, input, output)
}

private func run(
  _ stream: inout lzma_stream, _ input: Input, _ output: Output
) throws(DecompressionError) -> Int {
  defer { lzma_end(&stream) }
  stream.next_in = input.baseAddress
  stream.avail_in = input.count
  stream.next_out = output.baseAddress
  stream.avail_out = output.count
  var result = lzma_code(&stream, LZMA_FINISH)
  while result == LZMA_OK { result = lzma_code(&stream, LZMA_FINISH) }
  switch result {
  case LZMA_STREAM_END: return Int(stream.total_out)
  case LZMA_BUF_ERROR: throw stream.avail_out == 0 ? .tooLong(limit: output.count) : .truncated
  case LZMA_MEM_ERROR, LZMA_MEMLIMIT_ERROR: throw .outOfMemory
  default: throw .corrupt
  }
}

private func unpackBzip2(_ input: Input, into output: Output) throws(DecompressionError) -> Int {
  var count = UInt32(output.count)
  let result = BZ2_bzBuffToBuffDecompress(
    characters(output, from: 0), &count, UnsafeMutablePointer(mutating: characters(input, from: 0)),
    UInt32(input.count), 0, 0)
  switch result {
  case BZ_OK: return Int(count)
  case BZ_OUTBUFF_FULL: throw .tooLong(limit: output.count)
  case BZ_UNEXPECTED_EOF: throw .truncated
  case BZ_MEM_ERROR: throw .outOfMemory
  default: throw .corrupt
  }
}
