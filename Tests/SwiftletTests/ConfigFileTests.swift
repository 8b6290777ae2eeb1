import Configuration
import Testing

@testable import swiftlet

struct ConfigFileTests {
  private func request(_ text: String) throws -> BootRequest {
    var file = ConfigFile(Array(text.utf8), path: "vm.json")
    return try file.request()
  }

  @Test func supportedKeysReachTheRequest() throws {
    let request = try request(
      """
      {
        "boot-source": {"kernel_image_path": "k", "initrd_path": "i", "boot_args": "quiet"},
        "machine-config": {"vcpu_count": 2, "mem_size_mib": 512, "smt": false, "huge_pages": "None"},
        "drives": [
          {"drive_id": "data", "path_on_host": "d", "is_root_device": false, "is_read_only": false},
          {"drive_id": "root", "path_on_host": "r", "is_root_device": true, "is_read_only": true,
           "cache_type": "Unsafe", "io_engine": "Sync", "rate_limiter": null}
        ],
        "entropy": {}, "vsock": null
      }
      """)
    var expected = BootRequest()
    expected.kernel = "k"
    expected.initialRamdisk = "i"
    expected.commandLine = "quiet root=/dev/vda ro"
    expected.cpus = 2
    expected.memory = 512 << 20
    expected.disks = [
      try Disk(path: "r", readOnly: true, identifier: "root"), try Disk(path: "d", identifier: "data"),
    ]
    #expect(request == expected)
  }

  /// What follows `--` is for init.
  @Test(arguments: [
    (#"console=hvc0 -- sh -c \"a  b\""#, #"console=hvc0 root=/dev/vda rw -- sh -c "a  b""#),
    ("-- sh", "root=/dev/vda rw -- sh"), ("quiet", "quiet root=/dev/vda rw"), ("", "root=/dev/vda rw"),
  ]) func theRootIsNamedToTheKernel(arguments: String, line: String) throws {
    let request = try request(
      #"{"boot-source": {"kernel_image_path": "k", "boot_args": "\#(arguments)"}, "drives": "#
        + #"[{"drive_id": "a", "path_on_host": "d", "is_root_device": true}]}"#)
    #expect(request.commandLine == line)
  }

  @Test(arguments: [
    (#""vsock": {"guest_cid": 2, "uds_path": "v"}"#, "has a bad vsock address: 2: use 3 to 4294967294"),
    (#""machine-config": {"vcpu_count": 0}"#, "has a vcpu_count of 0; use 1 to 254"),
    (#""machine-config": {"mem_size_mib": -1}"#, "has a mem_size_mib of -1; use 4 to 524288"),
    (
      #""network-interfaces": [{"iface_id": "e", "host_dev_name": "t", "guest_mac": "zz"}]"#,
      "has a bad MAC address: zz: write it like 02:00:00:00:00:01"
    ),
  ]) func aValueOutOfItsLimitsIsAFaultOfTheFile(part: String, words: String) throws {
    let error = try #require(throws: Diagnostic.self) {
      try request(#"{"boot-source": {"kernel_image_path": "k"}, \#(part)}"#)
    }
    #expect(error.status == .badInput)
    #expect(error.description == "configuration file: vm.json: \(words)")
  }

  @Test func aKernelMayBeNamedBesideTheFile() throws {
    var file = ConfigFile(Array(#"{"machine-config": {"vcpu_count": 3}}"#.utf8), path: "f")
    #expect(try file.request(hasKernel: true).cpus == 3)
    #expect(throws: Diagnostic.self) { try request(#"{"machine-config": {"vcpu_count": 3}}"#) }
  }

  @Test func entropyIsThereOnlyWhenAskedFor() throws {
    #expect(try request(#"{"boot-source": {"kernel_image_path": "k"}}"#).entropy == false)
    #expect(try request(#"{"boot-source": {"kernel_image_path": "k"}, "entropy": {}}"#).entropy)
    let limited = try request(
      #"{"boot-source": {"kernel_image_path": "k"}, "entropy": {"rate_limiter": {"ops": {"size": 7, "refill_time": 90}}}}"#
    )
    #expect(limited.entropyLimit?.operations == (try RateLimit.Bucket(size: 7, refillMilliseconds: 90)))
  }

  @Test func longNamesOfDrivesAreCutToSerialNumbers() throws {
    let drives = { (first: String, second: String) in
      #"{"boot-source": {"kernel_image_path": "k"}, "drives": [{"drive_id": "\#(first)", "path_on_host": "d"}, "#
        + #"{"drive_id": "\#(second)", "path_on_host": "e"}]}"#
    }
    let request = try request(drives("rootfs-of-the-first-machine", "b"))
    #expect(request.disks.map(\.identifier) == ["rootfs-of-the-first-", "b"])
    for (text, mend) in [
      (drives("a", "a"), "has two drives a; give each its own drive_id"),
      (drives("a b", "c"), "has the drive_id \"a b\"; use printable ASCII characters without spaces"),
    ] {
      let error = try #require(throws: Diagnostic.self) { try self.request(text) }
      #expect(error.mend == mend)
    }
  }

  @Test(arguments: [
    (
      #"{"boot-source": {"kernel_image_path": "k"}, "mmds-config": {}, "pmem": []}"#,
      "mmds-config, pmem"
    ),
    (#"{"boot-source": {"kernel_image_path": "k", "extra": 1}}"#, "boot-source.extra"),
    (
      #"{"boot-source": {"kernel_image_path": "k"}, "machine-config": {"smt": true, "huge_pages": "2M"}}"#,
      "machine-config.huge_pages, machine-config.smt"
    ),
    (
      #"{"boot-source": {"kernel_image_path": "k", "a": 1}, "entropy": {"rate_limiter": {"b": 1}}, "zzz": 1}"#,
      "boot-source.a, entropy.rate_limiter.b, zzz"
    ),
    (
      #"{"boot-source": {"kernel_image_path": "k"}, "drives": [{"drive_id": "a", "path_on_host": "d", "socket": "s"}]}"#,
      "drives[0].socket"
    ),
  ])
  func everyUnsupportedKeyIsNamed(_ text: String, _ keys: String) throws {
    let error = try #require(throws: Diagnostic.self) { try request(text) }
    #expect(error.status == .badInput)
    #expect(
      error.description == "configuration file: vm.json: uses what is not supported: \(keys); remove it")
  }

  @Test func namesTheSocketsOfTheGuest() throws {
    let text =
      #"{"boot-source": {"kernel_image_path": "k"}, "vsock": {"guest_cid": 52, "uds_path": "/v.sock"}}"#
    #expect(try request(text).vsock == VirtioSocket(path: "/v.sock", guestCID: 52))
  }

  @Test func namesTheNetworks() throws {
    let text = #"""
      {"boot-source": {"kernel_image_path": "k"}, "network-interfaces": [
        {"iface_id": "eth0", "host_dev_name": "tap0"},
        {"iface_id": "eth1", "host_dev_name": "tap1", "guest_mac": "06:00:AC:10:00:02", "mtu": 1400,
         "rx_rate_limiter": {"bandwidth": {"size": 1000, "refill_time": 100, "one_time_burst": 9}},
         "tx_rate_limiter": {"bandwidth": {"size": 0, "refill_time": 100}, "ops": {"size": 5, "refill_time": 10}}}]}
      """#
    let expected = [
      NetworkRequest(host: .tap("tap0")),
      NetworkRequest(
        host: .tap("tap1"), macAddress: try MACAddress("06:00:ac:10:00:02"), mtu: 1400,
        receiveLimit: RateLimit(
          bandwidth: try .init(size: 1000, refillMilliseconds: 100, burst: 9), operations: nil),
        transmitLimit: RateLimit(bandwidth: nil, operations: try .init(size: 5, refillMilliseconds: 10))),
    ]
    #expect(try request(text).networks == expected)
  }

  @Test(arguments: [
    #"1"#, #"[{}]"#, #"[{"iface_id": "a"}]"#, #"[{"iface_id": "a", "host_dev_name": "a/b"}]"#,
    #"[{"iface_id": "a", "host_dev_name": "t", "mtu": 67}]"#,
    #"[{"iface_id": "a", "host_dev_name": "t", "guest_mac": "x"}]"#,
    #"[{"iface_id": "a", "host_dev_name": "t", "speed": 1}]"#,
    #"[{"iface_id": "a", "host_dev_name": "t"}, {"iface_id": "a", "host_dev_name": "u"}]"#,
    #"[{"iface_id": "a", "host_dev_name": "t", "rx_rate_limiter": {"ops": {"size": 5}}}]"#,
    #"[{"iface_id": "a", "host_dev_name": "t", "rx_rate_limiter": {"ops": {"size": -5, "refill_time": 1}}}]"#,
  ])
  func badNetworksAreRefused(_ networks: String) {
    #expect(throws: Diagnostic.self) {
      try request(#"{"boot-source": {"kernel_image_path": "k"}, "network-interfaces": \#(networks)}"#)
    }
  }

  @Test func drivesHaveEnginesAndLimits() throws {
    func disk(_ keys: String) throws -> Disk {
      try request(
        #"{"boot-source": {"kernel_image_path": "k"}, "drives": [{"drive_id": "a", "path_on_host": "d", \#(keys)}]}"#
      ).disks[0]
    }
    #expect(try disk(#""io_engine": "Async""#) == Disk(path: "d", identifier: "a", engine: .ioUring))
    let bucket = #"{"size": 1000, "refill_time": 50, "one_time_burst": 7}"#
    #expect(
      try disk(#""rate_limiter": {"bandwidth": \#(bucket), "ops": null}"#).rateLimit
        == RateLimit(bandwidth: .init(size: 1000, refillMilliseconds: 50, burst: 7), operations: nil))
    #expect(
      try disk(#""rate_limiter": {"ops": {"size": 3, "refill_time": 1}}"#).rateLimit
        == RateLimit(bandwidth: nil, operations: .init(size: 3, refillMilliseconds: 1)))
    for none in [
      "{}", #"{"ops": {"size": 0, "refill_time": 1}}"#, #"{"bandwidth": {"size": 1, "refill_time": 0}}"#,
    ] {
      #expect(try disk(#""rate_limiter": \#(none)"#).rateLimit == nil)
    }
    for bad in [
      #""io_engine": "Fast""#, #""io_engine": 1"#, #""rate_limiter": 1"#, #""rate_limiter": {"ops": 1}"#,
      #""rate_limiter": {"ops": {"size": 1}}"#, #""rate_limiter": {"ops": {"size": -1, "refill_time": 1}}"#,
      #""rate_limiter": {"net": {}}"#, #""rate_limiter": {"ops": {"size": 1, "refill_time": 1, "x": 1}}"#,
    ] {
      let error = #expect(throws: Diagnostic.self) { try disk(bad) }
      #expect(error?.status == .badInput, "\(bad)")
    }
  }

  @Test func hasABalloon() throws {
    func balloon(_ text: String) throws -> Balloon? {
      try request(#"{"boot-source": {"kernel_image_path": "k"}, "balloon": \#(text)}"#).balloon
    }
    #expect(
      try balloon(#"{"amount_mib": 64, "deflate_on_oom": false}"#) == Balloon(amount: 64 << 20))
    #expect(
      try balloon(
        #"""
        {"amount_mib": 0, "deflate_on_oom": true, "stats_polling_interval_s": 5, "free_page_reporting": true,
         "free_page_hinting": false}
        """#) == Balloon(amount: 0, deflatesOnOOM: true, reportsFreePages: true, statisticsInterval: 5))
    #expect(try balloon("null") == nil)
    for text in [
      "{}", "1", #"{"amount_mib": 64}"#, #"{"amount_mib": -1, "deflate_on_oom": true}"#,
      #"{"amount_mib": 1, "deflate_on_oom": true, "free_page_hinting": true}"#,
      #"{"amount_mib": 1, "deflate_on_oom": true, "stats_polling_interval_s": -1.5}"#,
    ] {
      let error = #expect(throws: Diagnostic.self) { try balloon(text) }
      #expect(error?.status == .badInput, "\(text)")
    }
  }

  @Test(arguments: [
    #"{"boot-source": {"kernel_image_path": "k"}, "vsock": {"guest_cid": 52}}"#, "", "{", "[]", "1", "{}",
    #"{"boot-source": 1}"#, #"{"boot-source": {}}"#,
    #"{"boot-source": {"kernel_image_path": 1}}"#,
    #"{"boot-source": {"kernel_image_path": "k"}, "drives": {}}"#,
    #"{"boot-source": {"kernel_image_path": "k"}, "drives": [{}]}"#,
    #"{"boot-source": {"kernel_image_path": "k"}, "machine-config": {"mem_size_mib": 1.5}}"#,
    #"{"boot-source": {"kernel_image_path": "k"}, "machine-config": {"mem_size_mib": -1}}"#,
    #"{"boot-source": {"kernel_image_path": "k"}, "machine-config": {"mem_size_mib": 1e300}}"#,
  ])
  func badFilesAreRefusedOnOneLine(_ text: String) throws {
    let error = try #require(throws: Diagnostic.self) { try request(text) }
    #expect(error.status == .badInput)
    #expect(error.description.hasPrefix("configuration file: vm.json: "))
  }
}
