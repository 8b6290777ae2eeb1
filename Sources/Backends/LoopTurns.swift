public import LinuxSystem

/// Work that goes on in turns of the loop until there is no more of it. Belongs to the loop's thread.
public final class LoopTurns {
  private unowned let loop: EventLoop
  private let turn: () -> Bool
  private var isGoingOn = false

  /// - Parameter turn: does a part of it, and returns whether there is more.
  public init(on loop: EventLoop, _ turn: @escaping () -> Bool) {
    self.loop = loop
    self.turn = turn
  }

  /// Has the next part done when others have had their turn; one part at a time, however often this is called.
  public func goOn() {
    if isGoingOn { return }
    isGoingOn = true
    loop.later { [unowned self] in
      isGoingOn = false
      if turn() { goOn() }
    }
  }
}
