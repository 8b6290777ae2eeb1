import Foundation
import Testing

/// Directories of the host in a Linux guest.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct SharedFolderTests {
  /// To list 1,000 takes a guest kernel 9 million instructions.
  static let files = runsLongTests ? 10_000 : 1000

  /// A folder with `read` and `write` to share, and `outside`, which is not.
  final class Host {
    let path: String

    init() throws {
      path = NSTemporaryDirectory() + "swiftlet-shared-\(UUID().uuidString)"
      try shell(
        """
        mkdir -p \(path)/read/many \(path)/write \(path)/outside
        cd \(path)
        echo out-of-reach > outside/secret
        seq 1 30000 > read/numbers
        i=0; while [ $i -lt \(SharedFolderTests.files) ]; do i=$((i+1)); : > read/many/file-$i; done
        ln -s \(path)/outside/secret read/absolute
        ln -s ../outside/secret read/relative
        ln -s / read/root
        ln -s .. write/up
        mkfifo read/pipe
        """)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func shell(_ commands: String) throws {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-ec", commands]
      try process.run()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0)
    }

    func contents(_ name: String) throws -> String {
      try String(contentsOfFile: path + "/" + name, encoding: .utf8)
    }
  }

  @Test func aGuestReadsWritesAndDoesNotGetOut() throws {
    let host = try Host()
    try host.shell("cd \(host.path); md5sum < read/numbers > sum")
    let sum = try host.contents("sum").prefix(32)
    let commands = """
      r=/mnt; w=/tmp/w; mkdir $w
      mount -t virtiofs share0 $r && mount -t virtiofs work $w || exit 9
      echo sum $(md5sum < $r/numbers)
      echo listed $(ls $r/many | wc -l)
      echo fail $(cat $r/absolute $r/relative $r/../outside/secret 2>/dev/null | wc -c)
      echo root $(ls $r/root/share0 2>/dev/null | wc -l)
      echo kind $(stat -c %F $r/pipe)
      echo x > $r/new || echo refused write
      rm -f $r/numbers || echo refused remove
      mount -o remount,rw $r; chmod 777 $r/numbers || echo refused chmod
      cp $r/numbers $w/copy && mkdir $w/d && mv $w/copy $w/d/moved && ln -s d/moved $w/link
      echo sum $(md5sum < $w/link)
      echo more >> $w/d/more; echo less >> $w/d/more; sync $w/d/more
      echo up $(ls $w/up/outside 2>/dev/null | wc -l); mknod $w/null c 1 3 || echo refused device
      chmod 4755 $w/d/moved; echo mode $(stat -c %a $w/d/moved)
      chown 7 $w/d/moved || echo refused chown
      echo free $(($(stat -f -c %b $w) > 0))
      umount $w && umount $r && echo done
      """
    let result = try Program().run(
      [
        "boot", "--kernel", Built.folder("guest-kernels/linux/build", "up") + "/vmlinux", "--disk",
        Built.folder("guest-kernels/rootfs/build") + "/root.erofs,ro", "--share", host.path + "/read",
        "--share", host.path + "/write,rw,tag=work", "--time-limit", "\(patience)", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c \"\(Self.line(commands))\"",
      ], limit: patience + 100)
    #expect(result.status == 0, "\(result.error)")
    let lines = result.output.split(whereSeparator: \.isNewline).map(String.init)
    for line in [
      "listed \(Self.files)", "fail 0", "root 0", "up 0", "kind fifo", "refused write", "refused remove",
      "refused chmod", "refused device", "mode 755", "refused chown", "free 1", "done",
    ] { #expect(lines.contains(line), "\(line) in\n\(result.output)") }
    #expect(lines.filter { $0.hasPrefix("sum \(sum)") }.count == 2, "\(result.output)")
    #expect(try host.contents("write/d/moved") == host.contents("read/numbers"))
    #expect(try host.contents("write/d/more") == "more\nless\n")
    let entries = try FileManager.default.contentsOfDirectory(atPath: host.path + "/write").sorted()
    #expect(entries == ["d", "link", "up"])
    #expect(try host.contents("outside/secret") == "out-of-reach\n")
  }

  /// One line for the kernel's command line, without the quotes that it would end at.
  private static func line(_ commands: String) -> String {
    commands.split(separator: "\n").joined(separator: "; ")
  }
}
