import CLinux

/// Plain access, little-endian at any alignment. None of it is atomic: the guest may see or make a torn value.
extension GuestMemory {
  public func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, at address: GuestAddress
  ) throws(GuestMemoryError) -> Value {
    let slice = try slice(at: address, count: UInt64(MemoryLayout<Value>.size))
    return Value(littleEndian: pointer(slice).loadUnaligned(as: type))
  }

  public func store<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, at address: GuestAddress
  ) throws(GuestMemoryError) {
    let slice = try slice(at: address, count: UInt64(MemoryLayout<Value>.size))
    pointer(slice).storeBytes(of: value.littleEndian, as: Value.self)
  }

  /// Loads from `offset` bytes into the slice.
  public func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, in slice: GuestSlice, offset: Int
  ) throws(GuestMemoryError) -> Value {
    let part = try slice.slice(from: offset, count: MemoryLayout<Value>.size)
    return Value(littleEndian: pointer(part).loadUnaligned(as: type))
  }

  /// Stores at `offset` bytes into the slice.
  public func store<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, in slice: GuestSlice, offset: Int
  ) throws(GuestMemoryError) {
    let part = try slice.slice(from: offset, count: MemoryLayout<Value>.size)
    pointer(part).storeBytes(of: value.littleEndian, as: Value.self)
  }

  /// Copies all of `bytes` to `offset` bytes into the slice.
  /// - Throws: `outOfSlice`, with nothing copied.
  public func copyIn(_ bytes: RawSpan, to slice: GuestSlice, offset: Int = 0) throws(GuestMemoryError) {
    let part = try slice.slice(from: offset, count: bytes.byteCount)
    let target = pointer(part)
    bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { target.copyMemory(from: start, byteCount: source.count) }
    }
  }

  /// Copies all of `bytes` to the start of the slice.
  /// - Throws: `outOfSlice`, with nothing copied.
  public func copyIn(_ bytes: Span<UInt8>, to slice: GuestSlice) throws(GuestMemoryError) {
    try copyIn(bytes.bytes, to: slice)
  }

  public func copyIn(_ bytes: [UInt8], to address: GuestAddress) throws(GuestMemoryError) {
    try copyIn(bytes.span.bytes, to: slice(at: address, count: UInt64(bytes.count)))
  }

  /// Copies the whole slice into `bytes` from index `start` on.
  /// - Throws: `outOfSlice` when it does not fit.
  public func copyOut(
    _ slice: GuestSlice, into bytes: inout MutableSpan<UInt8>, at start: Int
  ) throws(GuestMemoryError) {
    guard start >= 0, start <= bytes.count, slice.count <= bytes.count - start else { throw .outOfSlice }
    let source = pointer(slice)
    bytes.withUnsafeMutableBytes { target in
      if let base = target.baseAddress { (base + start).copyMemory(from: source, byteCount: slice.count) }
    }
  }

  /// A copy of the slice's bytes.
  public func bytes(_ slice: GuestSlice) -> [UInt8] {
    [UInt8](UnsafeRawBufferPointer(start: pointer(slice), count: slice.count))
  }

  /// A copy of `count` bytes.
  public func bytes(at address: GuestAddress, count: UInt64) throws(GuestMemoryError) -> [UInt8] {
    bytes(try slice(at: address, count: count))
  }

  public func fill(_ slice: GuestSlice, with byte: UInt8) {
    memset(pointer(slice), Int32(byte), slice.count)
  }
}
