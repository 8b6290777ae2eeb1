import Foundation
import Testing

/// Machines of `swiftlet run` beside and after one another, and on a tap of the host.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct ManyMachinesTests {
  /// Nor do they leave memory: it is their processes'.
  @Test func manyRunsLeaveNothingBehind() throws {
    let world = try RunWorld()
    let taps = hasNetworks ? "unshare -n" : ""
    let network = hasNetworks ? "--network tap=t0,ip=10.0.0.2/24" : ""
    let rounds = runsLongTests ? 50 : 5
    // A command that is killed leaves its folder to the next.
    let killed = """
      $S run \(network) $IMAGE true & run=$!
      until ip link show t0 || ! kill -0 $run; do sleep 0.02; done >/dev/null 2>&1
      kill -9 $run
      for n in $(seq 400); do ip link show t0 >/dev/null 2>&1 && sleep 0.05; done
      """
    let result = try world.shell(
      """
      cat > rounds <<'END'
      \(hasNetworks ? killed : "")
      for round in $(seq \(rounds)); do $S run -m 64M \(network) $IMAGE echo $round; done
      ip -o link show | cut -d : -f 2
      END
      \(taps) sh rounds
      """)
    #expect(result.error == "")
    let lines = result.output.split(separator: "\n")
    #expect(lines.prefix(rounds).map { String($0) } == (1...rounds).map { "\($0)" })
    let interfaces = lines.dropFirst(rounds)
    #expect(interfaces.contains(" lo") && !interfaces.contains(" t0"), "\(interfaces)")
    #expect(try world.leftovers() == [])
    #expect(world.processes() == [])
  }

  /// Each runs to its own result while the others are there.
  @Test func fiveMachinesRunAtOnce() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      mkfifo hold; exec 9<>hold
      for n in 1 2 3 4 5; do
        $S run --name box$n -m 64M $IMAGE sh -c "
          echo ready; read none
          i=0; sum=0; while [ \\$i -lt 1000 ]; do i=\\$((i+1)); sum=\\$((sum+i*$n)); done; echo \\$sum; exit $n
        " < hold > out$n 2> err$n 9>&- &
        eval "run$n=$!"
      done
      until [ "$(cat out? | grep -c ready)" = 5 ] || grep -q . err?; do sleep 0.1; done
      $S ps -q 9>&-
      exec 9>&-
      wait $run1; echo $?; wait $run2; echo $?; wait $run3; echo $?; wait $run4; echo $?; wait $run5; echo $?
      cat err?; grep -hv ready out?
      """)
    #expect(result.error == "")
    #expect(
      result.output.split(separator: "\n").map(String.init)
        == (1...5).map { "box\($0)" } + (1...5).map { "\($0)" } + (1...5).map { "\(500_500 * $0)" })
    #expect(try world.leftovers() == [])
    #expect(world.processes() == [])
  }

  /// A tap that is there already stays as it is; the machine has the address that it was given.
  @Test(.enabled(if: hasNetworks, "network namespaces and taps are not to be had here"))
  func aTapLeadsOutByTheAddressThatWasGiven() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      cat > outside <<'END'
      ip link set lo up
      ip tuntap add t0 mode tap; ip addr add 10.0.0.1/24 dev t0; ip link set t0 up
      ip addr add 192.0.2.1/32 dev lo
      { echo greetings; sleep 1000; } | busybox nc -l -p 7000 & server=$!
      until cat /proc/net/tcp /proc/net/tcp6 | grep -q ' 0A '; do sleep 0.1; done
      $S run --network tap=t0,ip=10.0.0.2/24,gateway=10.0.0.1,dns=10.0.0.9 $IMAGE sh -c '
        nc 192.0.2.1 7000 </dev/null | head -n 1; ip -o addr show eth0 | grep -o "10[^ ]* brd [^ ]*"; cat /etc/resolv.conf'
      ip -o link show t0 | grep -o ' t0:'
      END
      unshare -n -m -p -f --kill-child --mount-proc sh outside
      """)
    #expect(result.output.contains("greetings\n10.0.0.2/24 brd 10.0.0.255\n"), "\(result.output)")
    #expect(result.output.contains("nameserver 10.0.0.9\n"), "\(result.output)")
    #expect(result.output.hasSuffix("\n t0:\n"), "\(result.output)")
    #expect(result.error == "")
  }
}
