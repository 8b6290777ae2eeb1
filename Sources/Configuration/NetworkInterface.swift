/// A network card of the machine: a virtio-net device.
public struct NetworkInterface: Sendable, Equatable {
  /// What its cable goes to: a descriptor that the monitor inherits.
  public enum Host: Sendable, Equatable {
    /// A tap of the host with virtio headers of 12 bytes; `name` is the interface's.
    case tap(Int32, name: String)
    /// A stream socket to a program that takes and gives frames behind their length, as passt does.
    case program(Int32)

    public var descriptor: Int32 {
      switch self {
      case .tap(let number, _), .program(let number): number
      }
    }
  }

  public let host: Host
  public let macAddress: MACAddress
  /// The largest IP packet in bytes that the guest is told of; nil where it is not told.
  public let mtu: UInt16?
  /// What the guest receives, and what it sends, at most.
  public let receiveLimit: RateLimit?
  public let transmitLimit: RateLimit?

  /// Throws a `Diagnostic` with status `usage` for a part that is out of its limits.
  public init(
    host: Host, macAddress: MACAddress, mtu: UInt16? = nil, receiveLimit: RateLimit? = nil,
    transmitLimit: RateLimit? = nil
  ) throws(Diagnostic) {
    guard host.descriptor >= 0 else {
      throw Diagnostic(
        .usage, "bad network descriptor", which: "\(host.descriptor)", mend: "give an open descriptor")
    }
    if case .tap(_, let name) = host { try NetworkInterface.check(name: name) }
    if let mtu { try NetworkInterface.check(mtu: Int(mtu)) }
    self.host = host
    self.macAddress = macAddress
    self.mtu = mtu
    self.receiveLimit = receiveLimit
    self.transmitLimit = transmitLimit
  }

  /// Throws a `Diagnostic` with status `usage` for what Linux takes for no name of an interface.
  public static func check(name: String) throws(Diagnostic) {
    let isName =
      (1...Limits.interfaceNameBytes).contains(name.utf8.count) && name != "." && name != ".."
      && name.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"/:%".utf8.contains($0) }
    guard isName else {
      throw Diagnostic(
        .usage, "bad name of a network interface", which: name,
        mend: "use 1 to \(Limits.interfaceNameBytes) printable ASCII characters, no space, slash, colon or %")
    }
  }

  /// Throws a `Diagnostic` with status `usage` for what no IP packet may be as long as.
  public static func check(mtu: Int) throws(Diagnostic) {
    guard Limits.mtu.contains(mtu) else {
      throw Diagnostic(
        .usage, "bad MTU", which: "\(mtu)",
        mend: "use \(Limits.mtu.lowerBound) to \(Limits.mtu.upperBound) bytes")
    }
  }
}
