import Boot
import Configuration
import DeviceFakes
import KernelImages

@testable import swiftlet

extension FuzzTarget {
  /// A file as a kernel. What is found in it lies in it.
  static func kernelImage(_ bytes: [UInt8]) throws {
    let image: KernelImage
    do throws(ImageError) { image = try KernelImage(reading: ImageBytes(bytes)) } catch {
      return try checkLine("\(error)")
    }
    let size = UInt64(bytes.count)
    switch image {
    case .elf(let elf):
      try check(!elf.segments.isEmpty, "no segment to load")
      var end: UInt64 = 0
      for segment in elf.segments {
        try check(segment.fileSize <= size, "a segment longer than the file")
        try check(segment.fileOffset <= size - segment.fileSize, "a segment outside the file")
        try check(segment.fileSize <= segment.memorySize, "a segment longer in the file than in memory")
        try check(segment.memorySize > 0 && segment.physicalAddress >= end, "segments overlap")
        end = segment.end
      }
      try check(elf.physicalRange.upperBound == end, "the range does not end with the last segment")
      for note in elf.notes { try check(note.contents.count <= bytes.count, "a note longer than the file") }
    case .bzImage(let bzImage):
      try check(bzImage.payloadSize <= size, "a payload longer than the file")
      try check(bzImage.payloadOffset <= size - bzImage.payloadSize, "a payload outside the file")
      try check((bzImage.kernelVersion ?? "").unicodeScalars.count <= 512, "a version without end")
    }
  }

  /// `swiftlet inspect` of any file: a report that is a line for each fact, and JSON, or a refusal of one line.
  static func inspect(_ bytes: [UInt8]) throws {
    let source = ImageBytes(bytes)
    // Honest about the big sizes it announces, but too slow to be tried often.
    if case .bzImage(let image)? = try? KernelImage(reading: source),
      let payload = try? Payload(of: image, in: source, name: "k"), payload.unpackedSize > 1 << 20
    {
      return
    }
    let report: Report
    do throws(Diagnostic) { report = try ImageReport(of: source, name: "k").report } catch {
      return try checkLine(error.description)
    }
    let lines = report.lines.split(separator: "\n", omittingEmptySubsequences: false)
    try check(lines.count == report.facts.count + 1, "\(report.facts.count) facts in \(lines.count) lines")
    for line in lines { try checkLine(String(line)) }
    guard case .object(let members) = try JSONValue(parsing: Array(report.json.utf8)) else {
      throw Finding(description: "the report's JSON is not an object")
    }
    for (name, value) in report.facts {
      guard case .text(let text) = value else { continue }
      try check(
        members[name] == .text(text), "\(name) is \(text) but in JSON \(String(describing: members[name]))")
    }
  }

  /// A compressed stream, into a buffer of some size: never a byte more.
  static func unpack(_ bytes: [UInt8]) throws {
    guard bytes.count >= 2 else { return }
    let compression = Compression.allCases[Int(bytes[0]) % Compression.allCases.count]
    let limit = Int(bytes[1]) * 64
    let canary: UInt8 = 0xa5
    var output = [UInt8](repeating: canary, count: limit + 64)
    let input = Array(bytes.dropFirst(2))
    let count: Int? = input.withUnsafeBytes { input in
      output.withUnsafeMutableBytes { output in
        try? compression.unpack(input, into: UnsafeMutableRawBufferPointer(rebasing: output[..<limit]))
      }
    }
    try check(output[limit...].allSatisfy { $0 == canary }, "\(compression) wrote past its buffer")
    try check(count ?? 0 <= limit, "\(compression) unpacked \(count ?? 0) bytes into \(limit)")
    if let count {
      try check(
        try compression.unpack(input, limit: limit) == Array(output[..<count]), "unpacked twice, not the same"
      )
    }
  }

  /// What is found in an unpacked kernel is in it.
  static func embeddedText(_ bytes: [UInt8]) throws {
    let text = EmbeddedText(in: bytes)
    if let banner = text.banner {
      try check(banner.hasPrefix("Linux version "), "a banner that is none")
      try check(!banner.utf8.contains { $0 == 0 || $0 == 0x0a }, "a banner that goes on after its end")
      try check(banner.unicodeScalars.count <= 512, "a banner without end")
    }
    for (name, value) in text.configuration ?? [:] {
      try check(!name.contains("=") && !(name + value).contains("\n"), "\(name)=\(value) is not one line")
    }
  }

  /// What a person is told is one line that cannot drive the terminal.
  static func checkLine(_ line: String) throws {
    let isPlain = line.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    try check(isPlain, "a control character in \(line.debugDescription)")
  }
}
