import Boot
import KernelImages
import Testing

struct DecompressorTests {
  static let formats = PackedSamples.all.keys.sorted { $0.rawValue < $1.rawValue }

  @Test(arguments: formats) func unpacksWhatTheProgramsPacked(_ format: Compression) throws {
    let packed = try #require(PackedSamples.all[format])
    #expect(Compression(magic: packed) == format)
    #expect(try format.unpack(packed, limit: 1 << 16) == PackedSamples.contents)
    #expect(try format.unpack(packed, limit: PackedSamples.contents.count) == PackedSamples.contents)
  }

  @Test(arguments: formats) func refusesMoreThanTheLimit(_ format: Compression) throws {
    let packed = try #require(PackedSamples.all[format])
    for limit in [1, 600, PackedSamples.contents.count - 1] {
      #expect(throws: DecompressionError.tooLong(limit: limit)) { try format.unpack(packed, limit: limit) }
    }
  }

  @Test(arguments: formats) func refusesEveryTruncation(_ format: Compression) throws {
    let packed = try #require(PackedSamples.all[format])
    for count in 0..<packed.count {
      let start = Array(packed.prefix(count))
      // A legacy lz4 frame has no end mark: cut after its magic number it is an empty one.
      if format == .lz4, count == 4 {
        #expect(try format.unpack(start, limit: 1 << 16) == [])
      } else {
        #expect(throws: DecompressionError.self) { try format.unpack(start, limit: 1 << 16) }
      }
    }
  }

  @Test(arguments: formats) func survivesEveryChangedByte(_ format: Compression) throws {
    let packed = try #require(PackedSamples.all[format])
    var refused = 0
    for index in packed.indices {
      var changed = packed
      changed[index] ^= 0x55
      do {
        #expect(try format.unpack(changed, limit: 1 << 16).count <= 1 << 16)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 0)
  }

  @Test func saysThatLZOIsNotSupported() {
    #expect(throws: DecompressionError.unsupported(.lzo)) { try Compression.lzo.unpack([1], limit: 1) }
  }
}

struct SHA256Tests {
  /// FIPS 180-4 examples, and the lengths round the padding's edge as sha256sum gives them.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func matchesTheStandard(_ text: String, _ digest: String) {
    #expect(SHA256.hexadecimal(of: Array(text.utf8)) == digest)
  }

  @Test func hashesManyBlocks() {
    let million = [UInt8](repeating: 0x61, count: 1_000_000)
    #expect(
      SHA256.hexadecimal(of: million) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }
}
