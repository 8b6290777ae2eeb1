import Boot

/// "Swiftlet boots kernels. " fifty times, packed by the usual programs: gzip -9n, lz4 -l -9, zstd -19,
/// xz --check=crc32 --x86, xz --format=lzma -9, bzip2 -9.
enum PackedSamples {
  static let contents = Array(String(repeating: "Swiftlet boots kernels. ", count: 50).utf8)

  static let all: [Compression: [UInt8]] = hexadecimal.mapValues(bytes(hexadecimal:))

  private static let hexadecimal: [Compression: String] = [
    .gzip:
      """
    1f8b08000000000002030b2ecf4c2bc9492d5148cacf2f2956c84e2dca4bcd29d653081e151f151f151f151f64e20010\
    a534bfb0040000
    """,
    .lz4: "02214c1827000000ff0953776966746c657420626f6f7473206b65726e656c732e201800ffffffff8450656c732e20",
    .zstd: "28b52ffd0468050100c053776966746c657420626f6f7473206b65726e656c732e20010054b2ff1c03cf9feda5",
    .xz:
      """
    fd377a585a0000016922de3602010400210110008b216f49e004af00265d00299dc9267bfc1e1023dea8084b83246b5b\
    421b84cae7357a0b6a1b2db3976e516917160ab00000000010a534bf00013eb0090000009ef5ea903e300d8b02000000\
    0001595a
    """,
    .lzma:
      """
    5d00000004ffffffffffffffff00299dc9267bfc1e1023dea8084b83246b5b421b84cae7357a0b6a1b2db3976e516917\
    316b87fffff3880000
    """,
    .bzip2:
      """
    425a683931415926535907f97aa600007c938040010800132d9c802000740a55464c263d40a55001a0c917a8bd22d08b\
    08bb4584584588bf22dd1748b11768b11688b545c22fa8b116a8b117a2ee48a70a1200ff2f54c0
    """,
  ]

  private static func bytes(hexadecimal text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var half: UInt8?
    for digit in text.compactMap(\.hexDigitValue) {
      if let high = half {
        bytes.append(high << 4 | UInt8(digit))
        half = nil
      } else {
        half = UInt8(digit)
      }
    }
    return bytes
  }
}
