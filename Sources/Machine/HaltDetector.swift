import KVM
import LinuxSystem

/// Tells a guest that has switched itself off without a way to say so: every processor waits in HLT with interrupts
/// disabled, for ever. Linux ends so on `poweroff` where nothing describes a power switch, and on `halt`.
///
/// Asked for when the guest has masked its whole interrupt controller, which Linux does on that way.
final class HaltDetector: Sendable {
  private struct Round {
    var number = 0
    var dead = 0
    var answered: Set<Int> = []
  }

  private let round = Lock(Round())
  private let processors: Int
  private let control: MachineControl

  init(processors: Int, control: MachineControl) {
    self.processors = processors
    self.control = control
  }

  /// Begins a round; every processor must then be made to return from the guest.
  func ask() {
    round.withLock { $0 = Round(number: $0.number + 1) }
  }

  /// A processor that came back says whether it can ever run again; the last one of a round decides.
  func answer(_ vcpu: borrowing VCPU) {
    vcpu.clearStop()
    let dead = (try? HaltDetector.isDead(vcpu)) ?? false
    let index = vcpu.index
    let allDead = round.withLock { round in
      guard round.number > 0, round.answered.insert(index).inserted else { return false }
      round.dead += dead ? 1 : 0
      return round.dead == processors
    }
    if allDead { control.endByPowerOff() }
  }

  private static func isDead(_ vcpu: borrowing VCPU) throws(SystemError) -> Bool {
    switch try vcpu.multiprocessorState() {
    case MultiprocessorState.halted: try !vcpu.interruptsEnabled()
    case MultiprocessorState.uninitialized, MultiprocessorState.waitingForSIPI: true
    default: false
    }
  }
}
