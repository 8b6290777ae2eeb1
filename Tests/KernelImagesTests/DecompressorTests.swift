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
