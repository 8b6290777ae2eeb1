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
      trap '$S kill box' EXIT
      $S run -d --name box $IMAGE sh -c '
        awk "BEGIN { for (i = 0; i < 2000; i++) printf \"user%d:x:%d:7:no comment:/home/%d:/bin/sh\n\", i, i + 1000, i }" \
          >/etc/passwd; echo "late:x:4242:7::/home/late:/bin/sh" >>/etc/passwd
        mkdir /here; printf "#!/bin/sh\necho from here\n" >/here/tool; chmod +x /here/tool
        touch /ready; exec sleep 100000'
      until $S exec box test -e /ready; do :; done
      $S exec -u late box sh -c 'id -u; echo $HOME'
      $S exec -w /here -e PATH=/bin: box tool
      long=$(head -c 120000 /dev/zero | tr '\0' x)
      $S exec -e A="$long" -e B="$long" -e C="$long" -e D="$long" -e E="$long" box sh -c 'echo ${#A} ${#E} ${#5}' sh \
        "$long" "$long" "$long" "$long" "$long"
      $S exec -e "V=$(printf '\376')" box sh -c 'printf "%s$V" "$1"' sh "$(printf 'a\377')" | od -An -tx1
      for n in $(seq 15); do $S exec box sh -c 'echo up; exec sleep 100000' >up$n & done
      until [ "$(cat up* | wc -l)" = 15 ]; do sleep 0.05; done
      $S exec box true; echo $?
      """#)
    #expect(
      result.output == """
        box
        4242
        /home/late
        from here
        120000 120000 120000
         61 ff fe
        125

        """)
    #expect(
      result.error.hasPrefix(
        "swiftlet: the machine takes no further programs: exec has 15 at a time, as far as memory goes\n"))
    #expect(try world.leftovers() == [])
  }
}
