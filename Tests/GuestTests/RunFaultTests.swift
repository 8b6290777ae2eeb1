import Foundation
import Testing

/// What goes wrong around a machine of `swiftlet run`, whose guest does nothing here.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct RunFaultTests {
  /// A greeting, a program that has begun, and what it wrote.
  private static let begun: [UInt8] =
    [0x81, 1, 0, 0, 1] + [0x82, 4, 0, 0, 9, 0, 0, 0] + [0x83, 6, 0, 0] + Array("ready\n".utf8)

  /// The monitor is killed in the end, as it were a guest in the middle of a frame where no rule was broken before.
  @Test(arguments: [
    ([0x7f, 0, 0, 0], "the guest broke the protocol: unknownFrame"),
    ([0x83, 1, 0, 1], "the guest broke the protocol: frameTooLong"),
    ([0x86, 3, 0, 0, 0, 0, 0], "the guest broke the protocol: badLength"),
    ([0x82, 4, 0, 0, 9, 0, 0, 0], "the guest broke the protocol: outOfOrder"),
    (
      [0x83, 100, 0, 0, 0x61],
      "the machine is gone: signal 9 ended its monitor: by hand, or for want of memory on the host or in a control group"
    ),
  ])
  func aBrokenFrameIsToldInOneLine(frame: [UInt8], line: String) throws {
    let world = try RunWorld()
    let stuck = try LifecycleGuest(LifecycleGuest.spin)
    let path = world.place("runtime/swiftlet/box/vsock_1024")
    let agent = Thread {
      for _ in 0..<6000 {
        let socket = unixSocket(path) { connect($0, $1, $2) }
        if socket >= 0 {
          let bytes = Self.begun + frame
          _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
          close(socket)
          return
        }
        usleep(10_000)
      }
    }
    agent.start()
    let result = try world.run(["--name", "box", "--kernel", stuck.path], ["/bin/true"]) { process, _ in
      if frame[0] == 0x83, frame[1] == 100, let monitor = Program.child(of: process) {
        kill(monitor, SIGKILL)
      }
    }
    while !agent.isFinished { usleep(1000) }
    #expect(result.output == "ready\n")
    #expect(result.error == "swiftlet: \(line)\n")
    #expect(result.status == 125)
    #expect(try world.leftovers() == [])
  }

  /// What somebody else has made meanwhile stays, and what is not made leaves nothing.
  @Test(arguments: [
    (
      "echo mine > disk; PATH=/usr/sbin:/sbin exec mke2fs \"$@\"", "125\nmine\nbin\ndisk\nruntime\n",
      "swiftlet: no ext4 on the writable disk: disk: make one by mkfs.ext4, or name a new file with ,size=1G behind it\n"
    ),
    (
      "echo it is tired >&2; exit 1", "125\nbin\nruntime\n",
      "swiftlet: cannot make the writable disk: disk: mke2fs: it is tired\n"
    ),
  ])
  func aWritableDiskThatIsNotMadeIsTold(mke2fs: String, output: String, error: String) throws {
    let world = try RunWorld()
    try FileManager.default.createDirectory(atPath: world.place("bin"), withIntermediateDirectories: true)
    try Data("#!/bin/sh\n\(mke2fs)\n".utf8).write(to: URL(fileURLWithPath: world.place("bin/mke2fs")))
    chmod(world.place("bin/mke2fs"), 0o755)
    let result = try world.shell(
      "PATH=$PWD/bin:$PATH $S run --writable disk,size=32M $IMAGE true; echo $?; cat disk 2>/dev/null; ls")
    #expect(result.output == output)
    #expect(result.error == error)
  }

  /// Whatever ends the command ends what makes the disk, which takes signals itself; and there is no disk.
  @Test func theEndIsNotKeptWaitingForAWritableDisk() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      mkdir bin
      printf '#!/bin/sh\\necho $$ >begun\\nexec sleep 1000\\n' > bin/mke2fs
      chmod +x bin/mke2fs
      for signal in TERM KILL; do
        PATH=$PWD/bin:$PATH $S run --writable disk,size=32M $IMAGE true & run=$!
        until grep -qs sleep "/proc/$(cat begun)/comm" || ! kill -0 $run; do sleep 0.02; done 2>/dev/null
        sed -n s/SigBlk:.//p "/proc/$(cat begun)/status"; rm begun
        kill -$signal $run; wait $run 2>/dev/null; echo $?
      done
      ls
      """, limit: 120)
    let unblocked = String(repeating: "0", count: 16)
    #expect(result.output == "\(unblocked)\n143\n\(unblocked)\n137\nbin\nruntime\n")
    for _ in 0..<600 where world.processes() != [] { usleep(50_000) }
    #expect(world.processes() == [])
  }

  /// Ctrl-Z at a monitor that has not begun, here while it gets its process group: it goes on, and takes such signals later
  /// as other programs do.
  @Test(.enabled(if: access("/usr/bin/strace", X_OK) == 0, "strace is not there"))
  func aStopSignalDoesNotHoldTheStart() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      mkdir bin; cp $S bin
      cat > bin/swiftlet-vmm <<'END'
      #!/bin/sh
      for kind in SigIgn SigBlk; do
        echo $((0x$(sed -n "s/$kind:.//p" /proc/$$/status) & 0x380000)) >> kept
      done
      echo no more >&2; exit 80
      END
      chmod +x bin/swiftlet-vmm
      for signal in TSTP TTIN TTOU; do
        strace -f -o log -e trace=setpgid -e inject=setpgid:signal=SIG$signal bin/swiftlet run $IMAGE true
        echo $?; grep -c "SIG$signal" log
      done; cat kept
      """, limit: 120)
    #expect(result.output == "125\n1\n125\n1\n125\n1\n" + String(repeating: "0\n", count: 6))
    #expect(result.error == String(repeating: "swiftlet: no more\n", count: 3))
  }
}
