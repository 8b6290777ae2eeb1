import Configuration
import Glibc

/// A network card that a person asked for.
struct NetworkRequest: Equatable {
  enum Host: Equatable {
    /// An interface of the host, made if there is none of that name.
    case tap(String)
    /// The host's own connections, by a program without rights; `hasLoopback`: the gateway's address is the host's
    /// loopback.
    case user(hasLoopback: Bool)
  }

  var host: Host
  var macAddress: MACAddress?
  var mtu: UInt16?
  /// What the guest's kernel is told to be called; nil where it is told nothing, or asks.
  var address: GuestAddress?
  var receiveLimit: RateLimit?
  var transmitLimit: RateLimit?

  var isUser: Bool { if case .user = host { true } else { false } }
}

extension NetworkRequest {
  /// The card that `tap=NAME` or `user` stands for, with `,mac=ADDRESS` and `,mtu=BYTES` behind, with `,host-loopback`
  /// for user, and for a tap with what ``GuestAddress`` is made of; `,bandwidth=SIZE` bytes and `,packets=N` frames a
  /// second may go in each direction.
  /// - Parameter besides: what a person may write instead, for messages.
  init(option text: String, besides: String = "") throws(Diagnostic) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let kind = parts.first ?? ""
    if kind == "user" {
      self.init(host: .user(hasLoopback: false))
    } else if kind.hasPrefix("tap=") {
      let name = String(kind.dropFirst(4))
      try NetworkInterface.check(name: name)
      self.init(host: .tap(name))
    } else {
      throw Diagnostic(
        .usage, "bad network '\(kind)'", which: text,
        mend: "write \(besides)user, or tap=NAME with an interface's name")
    }
    let words = parts.dropFirst().map(String.init)
    let isOfAddress = { (word: String) in
      kind != "user" && GuestAddress.names.contains { word.hasPrefix($0) }
    }
    address = try GuestAddress(words.filter(isOfAddress))
    var bandwidth: RateLimit.Bucket?
    var packets: RateLimit.Bucket?
    for part in words where !isOfAddress(part) {
      if part.hasPrefix("mac=") {
        macAddress = try MACAddress(String(part.dropFirst(4)))
      } else if part.hasPrefix("mtu=") {
        mtu = try NetworkRequest.mtu(String(part.dropFirst(4)))
      } else if part.hasPrefix("bandwidth=") {
        bandwidth = try .init(perSecond: byteCount(String(part.dropFirst(10))))
      } else if part.hasPrefix("packets=") {
        packets = try .init(perSecond: try NetworkRequest.packets(part.dropFirst(8), of: text))
      } else if part == "host-loopback", isUser {
        host = .user(hasLoopback: true)
      } else {
        throw Diagnostic(
          .usage, "bad network option '\(part)'", which: text,
          mend:
            "only mac=, mtu=, bandwidth= and packets= may follow, host-loopback with user, and ip=, gateway= and "
            + "dns= with a tap")
      }
    }
    let limit = RateLimit(bandwidth: bandwidth, operations: packets)
    (receiveLimit, transmitLimit) = (limit, limit)
  }

  private static func packets(_ number: Substring, of text: String) throws(Diagnostic) -> UInt64 {
    guard let count = UInt64(number) else {
      throw Diagnostic(.usage, "bad packets '\(number)'", which: text, mend: "give frames a second")
    }
    return count
  }

  private static func mtu(_ text: String) throws(Diagnostic) -> UInt16 {
    let number = text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    guard let number else {
      throw Diagnostic(.usage, "bad MTU", which: text, mend: "write a number of bytes, like 1400")
    }
    try NetworkInterface.check(mtu: number)
    return UInt16(number)
  }
}

/// A port of the host that leads to one of the guest.
struct PublishedPort: Equatable {
  /// Nil for all of the host's IPv4 addresses.
  var address: String?
  var hostPort: UInt16
  var guestPort: UInt16
  var isDatagrams = false
}

extension PublishedPort {
  /// The port that `[ADDRESS:]HOSTPORT:GUESTPORT[/udp]` stands for.
  init(option text: String) throws(Diagnostic) {
    var rest = Substring(text)
    var isDatagrams = false
    if rest.hasSuffix("/udp") || rest.hasSuffix("/tcp") {
      isDatagrams = rest.hasSuffix("/udp")
      rest = rest.dropLast(4)
    }
    var parts = rest.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count >= 2, let guest = PublishedPort.port(parts.removeLast()),
      let host = PublishedPort.port(parts.removeLast())
    else {
      throw Diagnostic(
        .usage, "bad published port", which: text,
        mend: "write [ADDRESS:]HOSTPORT:GUESTPORT[/udp], ports from 1 to 65535")
    }
    var address: String?
    if !parts.isEmpty { address = try PublishedPort.address(parts.joined(separator: ":"), in: text) }
    self.init(address: address, hostPort: host, guestPort: guest, isDatagrams: isDatagrams)
  }

  private static func port(_ text: Substring) -> UInt16? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(text), port > 0 else {
      return nil
    }
    return port
  }

  private static func address(_ text: String, in option: String) throws(Diagnostic) -> String {
    var bytes = in_addr()
    guard inet_pton(AF_INET, text, &bytes) == 1 else {
      throw Diagnostic(
        .usage, "bad address to publish at", which: option, mend: "give one of IPv4, as in 127.0.0.1:8080:80")
    }
    return text
  }
}

extension PublishedPort: CustomStringConvertible {
  var description: String {
    "\(address.map { "\($0):" } ?? "")\(hostPort):\(guestPort)\(isDatagrams ? "/udp" : "")"
  }
}
