import Backends
import LinuxSystem
import Testing

/// Work in turns of a loop.
@Suite struct LoopTurnsTests {
  /// Asked for three times at first, and once more in each turn.
  @Test func aTurnOfTheLoopHasOneOfTheWork() throws {
    let loop = try EventLoop()
    let done = Recorder()
    let passes = Recorder()
    let work = LoopTurns(on: loop) {
      done.count += 1
      done.again?.goOn()
      return true
    }
    done.again = work
    let watch = LoopTurns(on: loop) {
      passes.count += 1
      #expect(done.count == passes.count)
      if passes.count == 5 { loop.stop() }
      return true
    }
    for _ in 0..<3 { work.goOn() }
    watch.goOn()
    try loop.run()
    #expect(passes.count == 5)
    withExtendedLifetime((work, watch)) {}
  }

  @Test func itEndsWhenThereIsNoMore() throws {
    let loop = try EventLoop()
    let done = Recorder()
    let work = LoopTurns(on: loop) {
      done.count += 1
      return done.count < 3
    }
    let watch = LoopTurns(on: loop) {
      done.passes += 1
      if done.passes == 10 { loop.stop() }
      return true
    }
    work.goOn()
    watch.goOn()
    try loop.run()
    #expect(done.count == 3)
    withExtendedLifetime((work, watch)) {}
  }
}

private final class Recorder {
  var count = 0
  var passes = 0
  weak var again: LoopTurns?
}
