import CNettle

/// SHA-256 (FIPS 180-4) names what is kept in the caches by what it was made from, and tells whether the parts of an
/// image are the ones that were announced.
///
/// By nettle: small where it is linked statically, and fast with the processor's own instructions.
public struct SHA256 {
  private var context = sha256_ctx()

  public init() { nettle_sha256_init(&context) }

  public mutating func update(_ bytes: Span<UInt8>) {
    bytes.withUnsafeBufferPointer { nettle_sha256_update(&context, $0.count, $0.baseAddress) }
  }

  public mutating func update(_ bytes: [UInt8]) { update(bytes.span) }

  /// The digest of all bytes so far, in hexadecimal.
  public consuming func hexadecimal() -> String {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
    nettle_sha256_digest(&context, digest.count, &digest)
    return digest.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
  }

  /// The digest of `bytes`, in hexadecimal.
  public static func hexadecimal(of bytes: [UInt8]) -> String {
    var digest = SHA256()
    digest.update(bytes)
    return digest.hexadecimal()
  }
}
