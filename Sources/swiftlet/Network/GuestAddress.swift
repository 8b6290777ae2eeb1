import Configuration
import Glibc

/// The address of a guest's network card, and its way out; all of IPv4.
struct GuestAddress: Equatable {
  /// What its options begin with.
  static let names = ["ip=", "gateway=", "dns="]

  private var address: UInt32 = 0
  private var mask: UInt32 = 0
  private var gateway: UInt32?
  private(set) var nameServer: UInt32?

  /// The address that `ip=ADDRESS/BITS`, `gateway=ADDRESS` and `dns=ADDRESS` stand for; nil where nothing is said.
  init?(_ options: [String]) throws(Diagnostic) {
    guard let last = options.last else { return nil }
    guard let own = options.last(where: { $0.hasPrefix("ip=") }) else {
      throw Diagnostic(.usage, "a network without an address", which: last, mend: "add ip=ADDRESS/BITS")
    }
    let parts = own.dropFirst(3).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Self.number(parts[0]), let bits = UInt8(parts[1]),
      (1...30).contains(bits)
    else {
      throw Diagnostic(
        .usage, "bad address of the network", which: own, mend: "write ip=ADDRESS/BITS, as ip=10.0.0.2/24")
    }
    (address, mask) = (number, .max << (32 - UInt32(bits)))
    guard (1...223).contains(number >> 24), number >> 24 != 127, number & ~mask != 0, number | mask != .max
    else {
      throw Diagnostic(
        .usage, "an address that no card can have", which: own, mend: "give one of a host in the network")
    }
    for option in options where !option.hasPrefix("ip=") {
      guard let number = Self.number(option.drop { $0 != "=" }.dropFirst()) else {
        throw Diagnostic(
          .usage, "bad address", which: option, mend: "give one of IPv4, as in gateway=10.0.0.1")
      }
      if option.hasPrefix("dns=") { nameServer = number } else { gateway = number }
    }
    if let gateway, (gateway ^ address) & mask != 0 || gateway == address {
      throw Diagnostic(
        .usage, "a gateway outside the network", which: Self.text(gateway),
        mend: "give another address of \(Self.text(address & mask))/\(mask.nonzeroBitCount)")
    }
  }

  /// What a Linux kernel is told (its nfsroot.rst): client, server, gateway, mask, name, device, way, name server.
  func argument(device: String) -> String {
    let words = [
      Self.text(address), "", gateway.map(Self.text) ?? "", Self.text(mask), "", device, "off",
      nameServer.map(Self.text) ?? "",
    ]
    return "ip=\(words.joined(separator: ":"))"
  }

  private static func number(_ text: Substring) -> UInt32? {
    var bytes = in_addr()
    return inet_pton(AF_INET, String(text), &bytes) == 1 ? UInt32(bigEndian: bytes.s_addr) : nil
  }

  private static func text(_ number: UInt32) -> String {
    (0..<4).map { "\(number >> (24 - 8 * $0) & 0xff)" }.joined(separator: ".")
  }
}
