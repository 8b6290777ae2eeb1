import ArgumentParser
import Configuration
import Testing

@testable import swiftlet

struct OptionTests {
  @Test(
    arguments: [
      ("0", 0), ("4096", 4096), ("1K", 1024), ("128M", 128 << 20), ("128MiB", 128 << 20), ("2G", 2 << 30),
      ("3GiB", 3 << 30), ("16777215T", 16_777_215 << 40),
    ] as [(String, UInt64)])
  func sizesAreRead(_ text: String, _ bytes: UInt64) throws {
    #expect(try byteCount(text) == bytes)
  }

  @Test(arguments: ["", "M", "-1M", "1.5G", "1MB", "1m", "1 M", "16777216T", "99999999999999999999", "١"])
  func otherSizesAreRefused(_ text: String) {
    #expect(throws: Diagnostic.self) { try byteCount(text) }
  }

  @Test func timesAreRead() throws {
    #expect(try nanoseconds("10") == 10_000_000_000)
    #expect(try nanoseconds("0.5") == 500_000_000)
    #expect(try nanoseconds("0.001") == 1_000_000)
    for text in ["", "-1", "1e3", "nan", "inf", "1s", "99999999999999999999", ".", "1.2.3", "0", "0.0001"] {
      #expect(throws: Diagnostic.self) { try nanoseconds(text) }
    }
  }

  @Test func socketsAreRead() throws {
    #expect(try VirtioSocket(option: "/run/v.sock") == VirtioSocket(path: "/run/v.sock", guestCID: 3))
    #expect(try VirtioSocket(option: "v,cid=4294967294") == VirtioSocket(path: "v", guestCID: 4_294_967_294))
    let long = String(repeating: "v", count: 97)
    for text in ["", ",cid=3", "v,cid=2", "v,cid=4294967295", "v,cid=", "v,x", "v,", long] {
      #expect(throws: Diagnostic.self) { try VirtioSocket(option: text) }
    }
  }

  @Test func balloonsAreRead() throws {
    #expect(try Balloon(option: "64M") == Balloon(amount: 64 << 20))
    #expect(
      try Balloon(option: "0,deflate-on-oom,reporting,stats=9,control=/f")
        == Balloon(
          amount: 0, deflatesOnOOM: true, reportsFreePages: true, statisticsInterval: 9, control: "/f"))
    for text in [
      "", ",reporting", "64M,", "64M,stats=0", "64M,stats=-1", "64M,stats=", "64M,stats=86401",
      "64M,control=",
      "64M,x", "M",
    ] {
      #expect(throws: Diagnostic.self) { try Balloon(option: text) }
    }
  }

  @Test func controlGroupsAreRead() throws {
    #expect(try ControlGroup(option: "a/b") == ControlGroup(path: "a/b"))
    #expect(
      try ControlGroup(option: "m,memory=1G,cpus=0.5,pids=9")
        == ControlGroup(path: "m", memory: 1 << 30, processorThousandths: 500, tasks: 9))
    for text in [
      "", "m,", "m,memory", "m,memory=", "m,memory=15M", "m,cpus=-1", "m,cpus=nan", "m,cpus=x", "m,pids=0",
      "m,pids=1.5",
      "m,x=1",
      "m,pids=1,pids=2", "/m",
    ] {
      #expect(throws: Diagnostic.self, "\(text)") { try ControlGroup(option: text) }
    }
    let unnamed = #expect(throws: Diagnostic.self) { try ControlGroup(option: "") }
    #expect(unnamed?.description == "empty cgroup path: name a group, like machines/one")
  }

  @Test func isolationIsAskedFor() throws {
    func isolation(_ arguments: String...) throws -> Isolation {
      try Boot.parse(arguments).request().isolation
    }
    #expect(try isolation() == .standard)
    #expect(try isolation("--no-confinement") == Isolation(isOn: false))
    #expect(
      try isolation("--jail", "--uid", "1", "--gid", "2", "--cgroup", "c")
        == Isolation(hasJail: true, user: 1, group: 2, controlGroup: ControlGroup(path: "c")))
    #expect(throws: Diagnostic.self) { try isolation("--jail", "--no-confinement") }
    #expect(throws: Diagnostic.self) { try isolation("--uid", "1", "--uid", "2", "--gid", "1") }
    // Its group would stay root's.
    #expect(throws: Diagnostic.self) { try isolation("--uid", "1") }
    let named = #expect(throws: Diagnostic.self) { try isolation("--uid", "nobody", "--gid", "1") }
    #expect(named?.description == "no number: --uid nobody: write one: `id -u NAME` tells a name's")
  }

  @Test func portsAreRead() throws {
    #expect(try NamedPort(option: "agent=/run/a.sock") == NamedPort(name: "agent", path: "/run/a.sock"))
    #expect(try NamedPort(option: "a=b=c") == NamedPort(name: "a", path: "b=c"))
    for text in ["", "a", "=p", "a=", "a/b=p", "a b=p", "a=" + String(repeating: "p", count: 108)] {
      let error = #expect(throws: Diagnostic.self) { try NamedPort(option: text) }
      #expect(error?.status == .usage)
    }
  }

  @Test func disksAreRead() throws {
    #expect(try Disk(option: "a.img") == Disk(path: "a.img"))
    #expect(try Disk(option: "a=b,ro,id=root") == Disk(path: "a=b", readOnly: true, identifier: "root"))
    let limit = RateLimit(bandwidth: try .init(perSecond: 10 << 20), operations: try .init(perSecond: 500))
    #expect(
      try Disk(option: "a,direct,engine=io_uring,bandwidth=10M,iops=500")
        == Disk(path: "a", isDirect: true, engine: .ioUring, rateLimit: limit))
    #expect(try Disk(option: "a,iops=1").rateLimit?.bandwidth == nil)
    #expect(try Disk(option: "a,engine=sync,direct") == Disk(path: "a", isDirect: true, engine: .sync))
    #expect(
      try ["a", "a,direct", "a,direct,engine=sync", "a,engine=io_uring"].map { try Disk(option: $0).usesRing }
        == [false, true, false, true])
    for text in [
      "", ",ro", "a,", "a,rw", "a,id=", "a,id=123456789012345678901", "a,ro=1", "a,direct=on", "a,engine=aio",
      "a,engine=", "a,engine", "a,bandwidth=0", "a,bandwidth=x", "a,iops=0", "a,iops=-1", "a,iops=1K",
      "a,iops=", "a,ro,ro", "a,id=b,id=b", "a,direct,ro,direct",
    ] {
      #expect(throws: Diagnostic.self) { try Disk(option: text) }
    }
  }

  @Test func networksAreRead() throws {
    #expect(try NetworkRequest(option: "user") == NetworkRequest(host: .user(hasLoopback: false)))
    let address = try MACAddress("02:00:00:00:00:07")
    #expect(
      try NetworkRequest(option: "user,mac=02:00:00:00:00:07,mtu=1400,host-loopback")
        == NetworkRequest(host: .user(hasLoopback: true), macAddress: address, mtu: 1400))
    #expect(
      try NetworkRequest(option: "tap=tap0,mtu=9000,mac=02:00:00:00:00:07")
        == NetworkRequest(host: .tap("tap0"), macAddress: address, mtu: 9000))
    let limit = RateLimit(
      bandwidth: try .init(perSecond: 3 << 20), operations: try .init(perSecond: 500))
    #expect(
      try NetworkRequest(option: "user,bandwidth=3M,packets=500")
        == NetworkRequest(host: .user(hasLoopback: false), receiveLimit: limit, transmitLimit: limit))
    for text in [
      "user,packets=", "user,packets=0", "user,packets=-1", "user,bandwidth=x",
      "", "tap", "tap=", "tap=a/b", "tap=sixteen-letters-", "bridge", "user=1", "user,", "user,mtu=",
      "user,mtu=67",
      "user,mtu=65536", "user,mtu=+1400", "user,mac=", "user,mac=01:00:00:00:00:00", "tap=t,host-loopback",
      "user,x=1", "user,ip=10.0.0.2/24",
    ] { #expect(throws: Diagnostic.self, "\(text)") { try NetworkRequest(option: text) } }
  }

  /// As the kernel reads them, behind what it has of its own.
  @Test(
    arguments: [
      ("tap=t,ip=10.0.0.2/24", "ip=10.0.0.2:::255.255.255.0::eth0:off:"),
      (
        "tap=t,gateway=192.168.7.1,mtu=9000,ip=192.168.6.255/23,dns=9.9.9.9",
        "ip=192.168.6.255::192.168.7.1:255.255.254.0::eth0:off:9.9.9.9"
      ),
      ("tap=t,ip=1.2.3.5/30,ip=1.2.3.6/30,gateway=1.2.3.5", "ip=1.2.3.6::1.2.3.5:255.255.255.252::eth0:off:"),
    ])
  func addressesAreTold(option: String, argument: String) throws {
    var request = BootRequest()
    request.networks = [try NetworkRequest(option: option)]
    #expect(request.fullCommandLine.hasPrefix(argument + " console=hvc0"))
    request.appended = "ip=dhcp"
    #expect(!request.fullCommandLine.contains(argument))
  }

  @Test(
    arguments: [
      ("gateway=10.0.0.1", "a network without an address: gateway=10.0.0.1: "),
      ("dns=10.0.0.1", "a network without an address: dns=10.0.0.1: "),
      ("ip=", "bad address of the network: ip=: "),
      ("ip=10.0.0.2", "bad address of the network: "), ("ip=10.0.0.2/31", "bad address of the network: "),
      ("ip=10.0.0.2/0", "bad address of the network: "), ("ip=10.0.0/24", "bad address of the network: "),
      ("ip=10.0.0.2/24/", "bad address of the network: "), ("ip=fd00::2/24", "bad address of the network: "),
      ("ip=10.0.0.0/24", "an address that no card can have: "),
      ("ip=10.0.0.255/24", "an address that no card can have: "),
      ("ip=127.0.0.1/8", "an address that no card can have: "),
      ("ip=224.0.0.1/8", "an address that no card can have: "),
      ("ip=0.0.0.1/8", "an address that no card can have: "), ("ip=10.0.0.2/24,dns=", "bad address: dns=: "),
      ("ip=10.0.0.2/24,gateway=a", "bad address: gateway=a: "),
      (
        "ip=10.0.0.2/24,gateway=10.0.1.1",
        "a gateway outside the network: 10.0.1.1: give another address of 10.0.0.0/24"
      ),
      ("ip=10.0.0.2/24,gateway=10.0.0.2", "a gateway outside the network: 10.0.0.2: "),
    ])
  func badAddressesAreRefused(option: String, line: String) {
    let error = #expect(throws: Diagnostic.self) { try NetworkRequest(option: "tap=t,\(option)") }
    #expect(error.map { "\($0)".hasPrefix(line) } == true, "\(error.map { "\($0)" } ?? "")")
    #expect(error?.status == .usage)
  }

  @Test func publishedPortsAreRead() throws {
    #expect(try PublishedPort(option: "8080:80") == PublishedPort(hostPort: 8080, guestPort: 80))
    #expect(
      try PublishedPort(option: "127.0.0.1:5353:53/udp")
        == PublishedPort(address: "127.0.0.1", hostPort: 5353, guestPort: 53, isDatagrams: true))
    #expect(try PublishedPort(option: "1:65535/tcp") == PublishedPort(hostPort: 1, guestPort: 65535))
    for text in [
      "", "80", ":80", "80:", "0:80", "80:0", "65536:80", "80:+1", "a:80", "localhost:80:80", "1.2.3:80:80",
      ":80:80",
      "80:80/sctp", "[::1]:80:80", "1.2.3.4:5:6:7", "80:80/udp/tcp",
    ] { #expect(throws: Diagnostic.self, "\(text)") { try PublishedPort(option: text) } }
  }

  @Test func passtIsToldWhatWasAskedFor() throws {
    let plain = [
      "--quiet", "--fd", "3", "--ipv4-only", "--address", "10.0.2.15", "--netmask", "24", "--gateway",
    ]
    let first = UserNetwork.arguments(try NetworkRequest(option: "user"), [])
    #expect(
      first == plain + [
        "10.0.2.2", "--dns-forward", "10.0.2.2", "--no-map-gw", "--tcp-ports", "none", "--udp-ports", "none",
      ])
    let second = UserNetwork.arguments(
      try NetworkRequest(option: "user,host-loopback,mtu=1400"),
      [
        try PublishedPort(option: "127.0.0.1:1:2"), try PublishedPort(option: "3:4/udp"),
        try PublishedPort(option: "5:6"),
      ])
    #expect(
      second.suffix(8) == [
        "--mtu", "1400", "--tcp-ports", "127.0.0.1/1:2", "--tcp-ports", "5:6", "--udp-ports", "3:4",
      ])
    #expect(!second.contains("--no-map-gw"))
    let errors = "Failed to send 3 bytes to syslog\nDon't run as root. Changing to nobody...\nIt is broken\n"
    #expect(UserNetwork.reason(errors) == "It is broken")
    #expect(UserNetwork.reason("Failed to send 3 bytes to syslog\n") == "it says nothing")
  }

  @Test func theDefaultKernelAsksForItsAddress() throws {
    #expect(try request("--net", "user").fullCommandLine == "ip=:::::eth0:dhcp console=hvc0")
    #expect(
      try request("--net", "tap=a", "--net", "user", "--cmdline", "a -- ip=x").fullCommandLine
        == "ip=:::::eth1:dhcp a -- ip=x")
    #expect(try request("--net", "user", "--append", "ip=off").fullCommandLine == "console=hvc0 ip=off")
    #expect(try request("--net", "tap=a").fullCommandLine == "console=hvc0")
    #expect(try !request("--net", "user", "--kernel", "k").fullCommandLine.contains("ip="))
  }

  @Test func sharesAreRead() throws {
    #expect(try Share(option: "/srv", index: 2) == Share(path: "/srv", tag: "share2", readOnly: true))
    #expect(
      try Share(option: "a=b,rw,tag=code", index: 0) == Share(path: "a=b", tag: "code", readOnly: false))
    #expect(try Share(option: "a,ro", index: 0).readOnly)
    let long = "d,tag=" + String(repeating: "t", count: 37)
    for text in ["", ",rw", "d,", "d,ro,rw", "d,tag=", "d,tag=a b", "d,tag=ü", "d,tag=\u{7}", long] {
      #expect(throws: Diagnostic.self) { try Share(option: text, index: 0) }
    }
    let both = try request("--share", "/a", "--share", "/b,rw").shares
    #expect(
      both == [try Share(path: "/a", tag: "share0"), try Share(path: "/b", tag: "share1", readOnly: false)])
  }

  private func request(_ arguments: String...) throws -> BootRequest { try request(arguments) }

  private func request(_ arguments: [String]) throws -> BootRequest {
    try #require(try Swiftlet.parseAsRoot(["boot"] + arguments) as? Boot).request()
  }

  @Test func everyOptionReachesTheRequest() throws {
    let request = try request(
      "--kernel", "k", "--initrd", "i", "--disk", "d,ro", "--disk", "e", "--append", "x", "--memory", "64M",
      "--cpus", "2", "--console", "none", "--port", "a=p", "--port", "b=q", "--describe", "acpi",
      "--timeline", "--time-limit", "2", "--reboot",
      "restart", "-v", "--net", "user", "--net", "tap=t", "-p", "1:2", "--publish", "3:4/udp", "--balloon",
      "4M")
    let expected = BootRequest(
      kernel: "k", initialRamdisk: "i", disks: [try Disk(path: "d", readOnly: true), try Disk(path: "e")],
      commandLine: nil, appended: "x", memory: 64 << 20, cpus: 2, console: MachineDescription.Console.none,
      ports: [try NamedPort(name: "a", path: "p"), try NamedPort(name: "b", path: "q")], hardware: .acpi,
      entropy: true,
      networks: [try NetworkRequest(option: "user"), try NetworkRequest(option: "tap=t")],
      published: [try PublishedPort(option: "1:2"), try PublishedPort(option: "3:4/udp")],
      balloon: try Balloon(amount: 4 << 20), reboot: .restart, timeLimit: 2_000_000_000, timeline: true,
      verbose: true)
    #expect(request == expected)
    #expect(try self.request() == BootRequest())
  }

  @Test func commandLineHasConsoleAndRoot() throws {
    #expect(try request().fullCommandLine == "console=hvc0")
    #expect(try request("--disk", "d,ro").fullCommandLine == "console=hvc0 root=/dev/vda ro")
    #expect(try request("--disk", "d", "--initrd", "i").fullCommandLine == "console=hvc0")
    #expect(
      try request("--disk", "d", "--append", "root=/dev/vdb quiet").fullCommandLine
        == "console=hvc0 root=/dev/vdb quiet")
    #expect(try request("--console", "serial").fullCommandLine == "8250.nr_uarts=1 console=ttyS0")
    #expect(try request("--console", "none").fullCommandLine == "")
    #expect(
      try request("--kernel", "k").fullCommandLine == "console=hvc0 panic=-1 8250.nr_uarts=0")
    #expect(try request("--cmdline", "a", "--append", "b", "--disk", "d").fullCommandLine == "a b")
  }

  @Test(arguments: [
    ["--nonsense"], ["--memory"], ["--cpus", "x"], ["--console", "vga"], ["--describe", "none"], ["extra"],
    ["--reboot", "halt"],
  ])
  func usageErrorsAreRefused(_ arguments: [String]) {
    #expect(throws: (any Error).self) { try Swiftlet.parseAsRoot(["boot"] + arguments) }
  }

  @Test func theConsoleIsTheOneThatTheCommandLineNames() throws {
    func console(_ arguments: String...) throws -> MachineDescription.Console {
      try request(arguments).consoleInUse
    }
    #expect(try console() == .virtio)
    #expect(try console("--kernel", "k", "--cmdline", "console=ttyS0 reboot=k") == .serial)
    #expect(try console("--append", "console=ttyS0,115200n8") == .serial)
    #expect(try console("--cmdline", "console=hvc0 console=ttyS0") == .virtio)
    #expect(try console("--append", "-- console=ttyS0") == .virtio)
    #expect(try console("--append", "console=ttyS00 xconsole=ttyS0") == .virtio)
    #expect(try console("--append", "console=ttyS0", "--console", "virtio") == .virtio)
    #expect(try console("--append", "console=ttyS0", "--console", "none") == MachineDescription.Console.none)
    #expect(
      try request("--cmdline", "console=ttyS0 -- sh").fullCommandLine == "8250.nr_uarts=1 console=ttyS0 -- sh"
    )
    #expect(
      try request("--cmdline", "console=ttyS0 8250.nr_uarts=0").fullCommandLine
        == "console=ttyS0 8250.nr_uarts=0")
    #expect(
      try request("--append", "console=ttyS0").fullCommandLine
        == "8250.nr_uarts=1 console=ttyS0 console=ttyS0")
    #expect(
      try request("--kernel", "k", "--append", "console=ttyS0").fullCommandLine
        == "8250.nr_uarts=1 console=ttyS0 panic=-1 console=ttyS0")
  }

  @Test(arguments: [
    ["--kernel", "k"], ["--initrd", "i"], ["--cmdline", "a"], ["--memory", "4M"], ["--cpus", "1"],
    ["--console", "none"], ["--vsock", "v"], ["--balloon", "4M"], ["--describe", "acpi"], ["--config", "c"],
    ["--time-limit", "1"], ["--reboot", "exit"],
  ])
  func whatIsSaidTwiceIsRefused(_ option: [String]) throws {
    let error = try #require(throws: Diagnostic.self) { try request(option + option) }
    #expect(error.description == "option given twice: \(option[0]): give it once")
    #expect(error.status == .usage)
  }

  @Test func appendedWordsAreJoined() throws {
    #expect(try request("--append", "a b", "--append", "-- sh").appended == "a b -- sh")
  }
}
