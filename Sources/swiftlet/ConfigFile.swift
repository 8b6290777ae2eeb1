import Configuration
import Glibc
import LinuxSystem

/// Firecracker's configuration file, the parts that Swiftlet has. Every key it does not have is named and
/// refused, except where its value asks for nothing (null, or what would be the case anyway).
struct ConfigFile {
  private let path: String
  private let contents: [UInt8]
  private var unsupported: [String] = []

  /// More than any such file is long.
  private static let sizeLimit = 1 << 20

  init(at path: String) throws(Diagnostic) {
    self.path = path
    let file = try InputFile.open(path, "configuration file", O_RDONLY)
    do throws(SystemError) {
      contents = try file.contents(limit: ConfigFile.sizeLimit)
    } catch {
      throw Diagnostic(.noInput, "cannot read the configuration file", which: path, mend: error.reason)
    }
  }

  init(_ contents: [UInt8], path: String) {
    self.path = path
    self.contents = contents
  }

  /// What the file asks for.
  /// - Parameter hasKernel: a kernel is named beside the file, which need not name one then.
  mutating func request(hasKernel: Bool = false) throws(Diagnostic) -> BootRequest {
    do throws(Diagnostic) { return try read(hasKernel: hasKernel) } catch {
      // What a value may be is said as of an option: here it is the file that is wrong.
      throw error.status == .usage ? bad("has a \(error)") : error
    }
  }

  private mutating func read(hasKernel: Bool) throws(Diagnostic) -> BootRequest {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: contents)
    } catch {
      throw bad("is not JSON", "check its quotes, commas and brackets")
    }
    var file = try Section(value, at: "", of: self)
    var request = BootRequest()
    request.entropy = false
    if let source = file.take("boot-source"), source != .null {
      try read(source, into: &request)
    } else if !hasKernel {
      throw bad("has no \"boot-source\"", "name a kernel there")
    }
    if let machine = file.take("machine-config"), machine != .null { try read(machine, machine: &request) }
    if let drives = file.take("drives"), drives != .null { try read(drives: drives, into: &request) }
    if let cards = file.take("network-interfaces"), cards != .null {
      request.networks = try networks(cards)
    }
    if let entropy = file.take("entropy"), entropy != .null {
      var section = try Section(entropy, at: "entropy", of: self)
      request.entropyLimit = try rateLimit(&section, at: "entropy")
      end(section)
      request.entropy = true
    }
    if let vsock = file.take("vsock"), vsock != .null { request.vsock = try socket(vsock) }
    if let balloon = file.take("balloon"), balloon != .null { request.balloon = try self.balloon(balloon) }
    end(file)
    guard unsupported.isEmpty else {
      throw bad("uses what is not supported: \(unsupported.sorted().joined(separator: ", "))", "remove it")
    }
    return request
  }

  private mutating func read(_ value: JSONValue, into request: inout BootRequest) throws(Diagnostic) {
    var section = try Section(value, at: "boot-source", of: self)
    request.kernel = try section.text("kernel_image_path")
    guard request.kernel != nil else { throw bad("has no kernel_image_path in boot-source", "name a kernel") }
    request.initialRamdisk = try section.text("initrd_path")
    request.commandLine = try section.text("boot_args")
    end(section)
  }

  private mutating func read(_ value: JSONValue, machine request: inout BootRequest) throws(Diagnostic) {
    var section = try Section(value, at: "machine-config", of: self)
    if let cpus = try section.number("vcpu_count") {
      guard Limits.cpus.contains(cpus) else {
        throw bad("has a vcpu_count of \(cpus)", "use 1 to \(Limits.cpus.upperBound)")
      }
      request.cpus = cpus
    }
    if let memory = try section.number("mem_size_mib") {
      let range = Limits.memory.lowerBound >> 20...Limits.memory.upperBound >> 20
      guard let mebibytes = UInt64(exactly: memory), range.contains(mebibytes) else {
        throw bad("has a mem_size_mib of \(memory)", "use \(range.lowerBound) to \(range.upperBound)")
      }
      request.memory = UInt64(memory) << 20
    }
    section.takeDefault("smt", .truth(false))
    section.takeDefault("track_dirty_pages", .truth(false))
    section.takeDefault("huge_pages", .text("None"))
    section.takeDefault("cpu_template", .text("None"))
    end(section)
  }

  private mutating func read(drives value: JSONValue, into request: inout BootRequest) throws(Diagnostic) {
    guard case .list(let drives) = value else { throw bad("has drives that are not a list", "use [ ]") }
    var root: String?
    var names = Set<String>()
    for (index, drive) in drives.enumerated() {
      var section = try Section(drive, at: "drives[\(index)]", of: self)
      guard let identifier = try section.text("drive_id"), let file = try section.text("path_on_host") else {
        throw bad("needs drive_id and path_on_host in drives[\(index)]", "add them")
      }
      let isRoot = try section.truth("is_root_device") ?? false
      let readOnly = try section.truth("is_read_only") ?? false
      // Swiftlet always offers flush and always does what it promises.
      section.takeDefault("cache_type", .text("Writeback"))
      section.takeDefault("cache_type", .text("Unsafe"))
      let isAsync = section.takeIf("io_engine", .text("Async"))
      section.takeDefault("io_engine", .text("Sync"))
      let limit = try rateLimit(&section, at: "drives[\(index)]")
      end(section)
      guard names.insert(identifier).inserted else {
        throw bad("has two drives \(identifier)", "give each its own drive_id")
      }
      let disk = try Disk(
        path: file, readOnly: readOnly, identifier: try serialNumber(identifier),
        engine: isAsync ? .ioUring : nil,
        rateLimit: limit)
      if isRoot {
        guard root == nil else { throw bad("has two root drives", "set is_root_device of one only") }
        root = readOnly ? "root=/dev/vda ro" : "root=/dev/vda rw"
        request.disks.insert(disk, at: 0)
      } else {
        request.disks.append(disk)
      }
    }
    // As Firecracker does: the root drive is named after what the file says; but before what is for init.
    if let root, let line = request.commandLine {
      let end = BootRequest.kernelWords(line).last?.endIndex ?? line.startIndex
      let parts = [line[..<end], Substring(root), line[end...].drop { $0 == " " }]
      request.commandLine = parts.filter { !$0.isEmpty }.joined(separator: " ")
    }
  }

  /// What of a drive's name the guest reads: as much as there is room for.
  private func serialNumber(_ name: String) throws(Diagnostic) -> String {
    guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw bad("has the drive_id \"\(name)\"", "use printable ASCII characters without spaces")
    }
    return String(name.prefix(Limits.diskIdentifierBytes))
  }

  private mutating func networks(_ value: JSONValue) throws(Diagnostic) -> [NetworkRequest] {
    guard case .list(let cards) = value else {
      throw bad("has network-interfaces that are not a list", "use [ ]")
    }
    var names = Set<String>()
    var networks: [NetworkRequest] = []
    for (index, card) in cards.enumerated() {
      let place = "network-interfaces[\(index)]"
      var section = try Section(card, at: place, of: self)
      guard let name = try section.text("iface_id"), let tap = try section.text("host_dev_name") else {
        throw bad("needs iface_id and host_dev_name in \(place)", "add them")
      }
      guard names.insert(name).inserted else {
        throw bad("has two interfaces \(name)", "give each its own iface_id")
      }
      try NetworkInterface.check(name: tap)
      var network = NetworkRequest(host: .tap(tap))
      if let address = try section.text("guest_mac") { network.macAddress = try MACAddress(address) }
      if let mtu = try section.number("mtu") {
        try NetworkInterface.check(mtu: mtu)
        network.mtu = UInt16(mtu)
      }
      network.receiveLimit = try rateLimit(&section, at: place, "rx_rate_limiter")
      network.transmitLimit = try rateLimit(&section, at: place, "tx_rate_limiter")
      end(section)
      networks.append(network)
    }
    return networks
  }

  /// The rate limiter of a section; a bucket of size 0 or without a refill time is none.
  private mutating func rateLimit(
    _ section: inout Section, at place: String, _ key: String = "rate_limiter"
  ) throws(Diagnostic) -> RateLimit? {
    guard let value = section.take(key), value != .null else { return nil }
    var limiter = try Section(value, at: "\(place).\(key)", of: self)
    let bandwidth = try bucket(&limiter, "bandwidth", at: "\(place).\(key)")
    let operations = try bucket(&limiter, "ops", at: "\(place).\(key)")
    end(limiter)
    return RateLimit(bandwidth: bandwidth, operations: operations)
  }

  private mutating func bucket(
    _ limiter: inout Section, _ name: String, at place: String
  ) throws(Diagnostic) -> RateLimit.Bucket? {
    guard let value = limiter.take(name), value != .null else { return nil }
    var section = try Section(value, at: "\(place).\(name)", of: self)
    guard let size = try section.number("size"), let time = try section.number("refill_time") else {
      throw bad("needs size and refill_time in \(place).\(name)", "add them")
    }
    let burst = try section.number("one_time_burst") ?? 0
    end(section)
    guard size >= 0, time >= 0, burst >= 0 else {
      throw bad("has a negative number in \(place).\(name)", "use what is not below 0")
    }
    if size == 0 || time == 0 { return nil }
    return try RateLimit.Bucket(size: UInt64(size), refillMilliseconds: UInt64(time), burst: UInt64(burst))
  }

  private mutating func socket(_ value: JSONValue) throws(Diagnostic) -> VirtioSocket {
    var section = try Section(value, at: "vsock", of: self)
    // An old name of the device, which Firecracker takes and ignores as well.
    _ = try section.text("vsock_id")
    guard let path = try section.text("uds_path"), let cid = try section.number("guest_cid") else {
      throw bad("needs uds_path and guest_cid in vsock", "add them")
    }
    end(section)
    return try VirtioSocket(path: path, guestCID: UInt32(clamping: cid))
  }

  private mutating func balloon(_ value: JSONValue) throws(Diagnostic) -> Balloon {
    var section = try Section(value, at: "balloon", of: self)
    guard let mebibytes = try section.number("amount_mib"), let deflates = try section.truth("deflate_on_oom")
    else { throw bad("needs amount_mib and deflate_on_oom in balloon", "add them") }
    guard (0...1 << 40).contains(mebibytes) else {
      throw bad("has an amount_mib of \(mebibytes)", "give mebibytes of memory")
    }
    let interval = try section.number("stats_polling_interval_s") ?? 0
    let reports = try section.truth("free_page_reporting") ?? false
    section.takeDefault("free_page_hinting", .truth(false))
    end(section)
    return try Balloon(
      amount: UInt64(mebibytes) << 20, deflatesOnOOM: deflates, reportsFreePages: reports,
      statisticsInterval: UInt32(clamping: interval))
  }

  /// Everything that is supported has been taken from the section.
  private mutating func end(_ section: Section) { unsupported += section.rest }

  fileprivate func bad(_ what: String, _ mend: String = "") -> Diagnostic {
    Diagnostic(
      .badInput, "configuration file", which: path,
      mend: [what, mend].filter { !$0.isEmpty }.joined(separator: "; "))
  }
}

/// One object of the file, its keys taken one by one; what is left at the end is not supported.
private struct Section {
  private var members: [String: JSONValue]
  private let place: String
  private let file: ConfigFile

  init(_ value: JSONValue, at place: String, of file: ConfigFile) throws(Diagnostic) {
    guard case .object(let members) = value else {
      throw file.bad(
        "has \(place.isEmpty ? "something else than an object" : "no object in \(place)")", "use { }")
    }
    self.members = members
    self.place = place
    self.file = file
  }

  mutating func take(_ key: String) -> JSONValue? { members.removeValue(forKey: key) }

  mutating func text(_ key: String) throws(Diagnostic) -> String? {
    switch take(key) {
    case nil, .null: return nil
    case .text(let text): return text
    default: throw file.bad("has a \(key) in \(place) that is not a string", "put it in quotes")
    }
  }

  mutating func truth(_ key: String) throws(Diagnostic) -> Bool? {
    switch take(key) {
    case nil, .null: return nil
    case .truth(let truth): return truth
    default: throw file.bad("has a \(key) in \(place) that is neither true nor false", "use one of them")
    }
  }

  mutating func number(_ key: String) throws(Diagnostic) -> Int? {
    switch take(key) {
    case nil, .null: return nil
    case .number(let number):
      if let whole = Int(exactly: number) { return whole }
      fallthrough
    default: throw file.bad("has a \(key) in \(place) that is not a whole number", "write it with digits")
    }
  }

  /// Whether a key has the value; any other stays.
  mutating func takeIf(_ key: String, _ value: JSONValue) -> Bool {
    guard members[key] == value else { return false }
    members[key] = nil
    return true
  }

  /// Accepts a key whose value is what is the case anyway; any other value stays, to be refused.
  mutating func takeDefault(_ key: String, _ value: JSONValue) {
    _ = takeIf(key, value)
  }

  /// The keys nobody took, but for those that are null.
  var rest: [String] {
    members.filter { $0.value != .null }.keys.map { place.isEmpty ? $0 : "\(place).\($0)" }
  }
}
