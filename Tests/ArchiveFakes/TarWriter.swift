/// Writes tar archives: ustar, with pax headers before what ustar has no room for. It writes whatever it is told.
public struct TarWriter {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public enum Kind: Character {
    case file = "0"
    case hardLink = "1"
    case symbolicLink = "2"
    case characterDevice = "3"
    case blockDevice = "4"
    case directory = "5"
    case pipe = "6"
    case pax = "x"
  }

  public mutating func add(
    _ path: String, _ kind: Kind = .file, _ contents: String = "", target: String = "", mode: Int = 0o644,
    owner: Int = 0, group: Int = 0, time: Int = 1_000_000_000, device: (Int, Int) = (0, 0),
    pax: [(String, [UInt8])] = []
  ) {
    add(
      path, kind, bytes: Array(contents.utf8), target: target, mode: mode, owner: owner, group: group,
      time: time,
      device: device, pax: pax)
  }

  public mutating func add(
    _ path: String, _ kind: Kind = .file, bytes data: [UInt8], target: String = "", mode: Int = 0o644,
    owner: Int = 0, group: Int = 0, time: Int = 1_000_000_000, device: (Int, Int) = (0, 0),
    pax: [(String, [UInt8])] = []
  ) {
    var pax = pax
    if path.utf8.count > 100 { pax.append(("path", Array(path.utf8))) }
    if target.utf8.count > 100 { pax.append(("linkpath", Array(target.utf8))) }
    if !pax.isEmpty {
      let records = pax.flatMap { Self.record($0.0, $0.1) }
      header("pax", .pax, records.count, mode, owner, group, time, target: "", device: (0, 0))
      block(records)
    }
    header(path, kind, data.count, mode, owner, group, time, target: target, device: device)
    block(data)
  }

  public mutating func add(directory path: String, mode: Int = 0o755, owner: Int = 0) {
    add(path, .directory, mode: mode, owner: owner)
  }

  /// The archive with its end.
  public var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

  private static func record(_ name: String, _ value: [UInt8]) -> [UInt8] {
    let rest = Array(" \(name)=".utf8) + value + [0x0a]
    // The length is part of the record.
    var length = rest.count + 1
    while "\(length)".utf8.count + rest.count != length { length = "\(length)".utf8.count + rest.count }
    return Array("\(length)".utf8) + rest
  }

  private mutating func block(_ data: [UInt8]) {
    bytes += data
    bytes += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
  }

  private mutating func header(
    _ path: String, _ kind: Kind, _ size: Int, _ mode: Int, _ owner: Int, _ group: Int, _ time: Int,
    target: String, device: (Int, Int)
  ) {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int, _ limit: Int) {
      for (index, byte) in text.utf8.prefix(limit).enumerated() { header[offset + index] = byte }
    }
    func put(_ number: Int, at offset: Int, digits: Int) {
      let text = String(number, radix: 8)
      if text.count > digits {
        // GNU tar's form of large numbers.
        for place in 0...digits {
          header[offset + digits - place] = UInt8(truncatingIfNeeded: number >> (8 * place))
        }
        header[offset] |= 0x80
        return
      }
      put(String(repeating: "0", count: digits - text.count) + text, at: offset, digits)
    }
    put(path, at: 0, 100)
    put(mode, at: 100, digits: 7)
    put(owner, at: 108, digits: 7)
    put(group, at: 116, digits: 7)
    put(size, at: 124, digits: 11)
    put(time, at: 136, digits: 11)
    put("        ", at: 148, 8)
    put(String(kind.rawValue), at: 156, 1)
    put(target, at: 157, 100)
    put("ustar", at: 257, 5)
    put("00", at: 263, 2)
    put(device.0, at: 329, digits: 7)
    put(device.1, at: 337, digits: 7)
    put(header.reduce(0) { $0 + Int($1) }, at: 148, digits: 6)
    header[154] = 0
    bytes += header
  }
}
