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
    for text in ["", "-1", "1e3", "nan", "inf", "1s", "99999999999999999999", ".", "1.2.3"] {
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

  @Test func disksAreRead() throws {
    #expect(try Disk(option: "a.img") == Disk(path: "a.img"))
    #expect(try Disk(option: "a=b,ro,id=root") == Disk(path: "a=b", readOnly: true, identifier: "root"))
    for text in ["", ",ro", "a,", "a,rw", "a,id=", "a,id=123456789012345678901"] {
      #expect(throws: Diagnostic.self) { try Disk(option: text) }
    }
  }

  @Test func sharesAreRead() throws {
    #expect(try Share(option: "/srv", index: 2) == Share(path: "/srv", tag: "share2", readOnly: true))
    #expect(
      try Share(option: "a=b,rw,tag=code", index: 0) == Share(path: "a=b", tag: "code", readOnly: false))
    let long = "d,tag=" + String(repeating: "t", count: 37)
    for text in ["", ",rw", "d,", "d,ro", "d,tag=", "d,tag=a b", "d,tag=ü", "d,tag=\u{7}", long] {
      #expect(throws: Diagnostic.self) { try Share(option: text, index: 0) }
    }
    let both = try request("--share", "/a", "--share", "/b,rw").shares
    #expect(
      both == [try Share(path: "/a", tag: "share0"), try Share(path: "/b", tag: "share1", readOnly: false)])
  }

  private func request(_ arguments: String...) throws -> BootRequest {
    try #require(try Swiftlet.parseAsRoot(["boot"] + arguments) as? Boot).request()
  }

  @Test func everyOptionReachesTheRequest() throws {
    let request = try request(
      "--kernel", "k", "--initrd", "i", "--disk", "d,ro", "--disk", "e", "--append", "x", "--memory", "64M",
      "--cpus", "2", "--console", "none", "--describe", "acpi", "--timeline", "--time-limit", "2", "--reboot",
      "restart", "-v")
    let expected = BootRequest(
      kernel: "k", initialRamdisk: "i", disks: [try Disk(path: "d", readOnly: true), try Disk(path: "e")],
      commandLine: nil, appended: "x", memory: 64 << 20, cpus: 2, console: .none, hardware: .acpi,
      entropy: true, reboot: .restart, timeLimit: 2_000_000_000, timeline: true, verbose: true)
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
    #expect(try request("--console", "serial").fullCommandLine == "console=ttyS0 8250.nr_uarts=1")
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
}
