import CNettle

/// SHA-256 (FIPS 180-4) names what is kept in the cache by what it was unpacked from.
///
/// By nettle: small where it is linked statically, and fast with the processor's own instructions.
public enum SHA256 {
  /// The digest of `bytes`, in hexadecimal.
  public static func hexadecimal(of bytes: [UInt8]) -> String {
    var context = sha256_ctx()
    nettle_sha256_init(&context)
    nettle_sha256_update(&context, bytes.count, bytes)
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
    nettle_sha256_digest(&context, digest.count, &digest)
    return digest.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
  }
}
