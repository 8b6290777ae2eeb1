import Foundation
import Testing

/// What further programs of a machine are started with, as a shell sees it.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"))
struct ExecTests {
  /// A user behind the first 64 KiB of /etc/passwd, a program that PATH has by an empty entry, words that are long or no
  /// text, and one program more than there is room for.
  @Test func programsAreStartedWithWhatIsAskedFor() throws {
    let world = try RunWorld()
    let result = try world.shell(
      #"""
      $S run -d --name box $IMAGE sleep 100000
      $S exec box sh -c '
        yes "user:x:7:7:no comment:/:/bin/sh" | head -n 2500 >/etc/passwd
        echo "late:x:4242:7::/home/late:/bin/sh" >>/etc/passwd
        mkdir /here; cat >/here/tool; chmod +x /here/tool' <<'END'
      #!/bin/sh
      id -u; echo $HOME; pwd; echo ${#A} ${#B} ${#3}
      printf "%s$V" "$1" | od -An -tx1
      END
      long=$(head -c 120000 /dev/zero | tr '\0' x)
      $S exec -u late -w /here -e PATH=/bin: -e "V=$(printf '\376')" -e A="$long" -e B="$long" box \
        tool "$(printf 'a\377')" "$long" "$long"
      """#)
    defer { _ = try? world.swiftlet(["kill", "box"]) }
    #expect(result.output == "box\n4242\n/home/late\n/here\n120000 120000 120000\n 61 ff fe\n")
    #expect(result.error == "")

    let socket = world.place("runtime/swiftlet/box/vsock")
    let others = (0..<15).map { _ in
      UnixPeer(path: socket, retryingFor: patience, greeting: "CONNECT 1024\n")
    }
    #expect(others.allSatisfy { $0 != nil })
    let refused = try world.swiftlet(["exec", "box", "/bin/true"])
    #expect(
      refused.error
        == "swiftlet: the machine takes no further programs: exec has 15 at a time, as far as memory goes\n")
    #expect(refused.status == 125)
    withExtendedLifetime(others) {}
  }
}
