import Boot
import Configuration
import KernelImages
import LinuxSystem
import Testing

struct EmbeddedTextTests {
  /// "CONFIG_SMP=y\n# CONFIG_OF is not set\nCONFIG_HZ=100\n" packed by gzip -9n.
  static let configuration: [UInt8] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x73, 0xf6, 0xf7, 0x73, 0xf3, 0x74,
    0x8f, 0x0f, 0xf6, 0x0d, 0xb0, 0xad, 0xe4, 0x52, 0x56, 0x70, 0x86, 0x70, 0xfd, 0xdd, 0x14, 0x32,
    0x8b, 0x15, 0xf2, 0xf2, 0x4b, 0x14, 0x8a, 0x53, 0x4b, 0xb8, 0xa0, 0x82, 0x1e, 0x51, 0xb6, 0x86,
    0x06, 0x06, 0x5c, 0x00, 0xe7, 0x80, 0x58, 0x07, 0x32, 0x00, 0x00, 0x00,
  ]

  @Test func findsBannerAndConfiguration() {
    let image =
      [0, 1, 2] + Array("Linux version %s (%s)\n\0".utf8) + Array("Linux version 6.1.0 (a@b) #1\n\0rest".utf8)
      + Array("IKCFG_ST".utf8) + Self.configuration + Array("IKCFG_ED".utf8) + [9]
    let text = EmbeddedText(in: image)
    #expect(text.banner == "Linux version 6.1.0 (a@b) #1")
    #expect(text.configuration == ["SMP": "y", "HZ": "100"])
  }

  @Test func findsNothingWhereNothingIs() {
    for image: [UInt8] in [[], [0], Array("Linux version ".utf8), Array("IKCFG_STxIKCFG_ED".utf8)] {
      let text = EmbeddedText(in: image)
      #expect(text.banner == nil)
      #expect(text.configuration == nil)
    }
  }
}

struct ReportTests {
  @Test func isJSONAndLines() {
    var report = Report()
    report.add("name", .text("a\"b\\c\n\u{1}"))
    report.add("n", .number(7))
    report.add("at", .address(0x1000))
    report.add("is", .truth(true))
    report.add("list", .list(["x", "y"]))
    report.add("nothing", .unknown)
    #expect(
      report.json == """
        {
          "name": "a\\"b\\\\c\\u000a\\u0001",
          "n": 7,
          "at": 4096,
          "is": true,
          "list": ["x", "y"],
          "nothing": null
        }

        """)
    #expect(
      report.lines == """
        name     a"b\\c\\u{a}\\u{1}
        n        7
        at       0x1000
        is       yes
        list     x, y
        nothing  none

        """)
  }
}
