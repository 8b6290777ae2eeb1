import Configuration
import Images
import Testing

@testable import swiftlet

struct ArgumentTextTests {
  @Test(
    arguments: [
      [], Array("plain".utf8), Array("größer 🐦".utf8), [0xff], [0x61, 0xff, 0xfe, 0x62], [0xc3],
      [0xc3, 0x28],
      [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], Array("\u{10fe80}\u{10feff}x".utf8),
      Array("\u{10fe7f}\u{10ff00}\u{fffd}".utf8), [0xf4, 0x8f, 0xba],
    ] as [[UInt8]])
  func bytesComeBack(bytes: [UInt8]) {
    #expect(ArgumentText.bytes(ArgumentText.text(bytes)) == bytes)
  }

  /// The longest start that a guest takes.
  @Test func whatIsTooLongIsRefused() throws {
    var request = RunRequest()
    request.command = ["true"]
    request.environment = ["A=" + String(repeating: "x", count: 2_000_000)]
    #expect(try request.start(request.program(of: ImageConfig())).count > 2_000_000)
    request.environment.append("B=" + String(repeating: "x", count: 100_000))
    #expect(throws: Diagnostic.self) { try request.start(request.program(of: ImageConfig())) }
  }

  /// Also of as many as an image may have.
  @Test func theLastVariableOfANameCounts() throws {
    var image = ImageConfig()
    image.environment = (0..<60_000).map { "V\($0)=image" } + ["é=1"]
    var request = RunRequest()
    request.command = ["true"]
    request.environment = ["V5=mine", "e\u{301}=2", "PATH=/x"]
    let environment = try request.program(of: image).environment
    #expect(environment.suffix(4) == ["é=1", "V5=mine", "e\u{301}=2", "PATH=/x"])
    #expect(environment.count { $0.hasPrefix("V") } == 60_000)
    #expect(environment.count { $0.hasPrefix("PATH=") } == 1)
  }

  @Test func whatIsTextStaysAsItIs() {
    #expect(ArgumentText.text(Array("größer 🐦\u{fffd}".utf8)) == "größer 🐦\u{fffd}")
    #expect(ArgumentText.text([0x61, 0xff]) == "a\u{10feff}")
  }
}
