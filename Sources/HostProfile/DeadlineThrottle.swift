import KVM
import LinuxSystem

/// Spreads the guest's timer interrupts, while it boots and while its programs leave it no pause.
///
/// Time flows at full speed while an interpreted kernel is slow: a tick costs a third of its period, and more than all of
/// it on a loaded host. Kernels take the time that passed from their clock source, not from counting ticks. So a deadline
/// (Intel SDM volume 3, 11.5.4.1) is at least a second away until the first system call, and later half a second on a
/// processor that has not halted for a twentieth. One that halts now and then, as all do that wait for something, has its
/// deadlines kept; halts that KVM polls through, of up to a fifth of a millisecond, are not seen.
struct DeadlineThrottle {
  /// IA32_TSC_DEADLINE.
  static let register: UInt32 = 0x6E0
  private static let timeStampCounter: UInt32 = 0x10

  /// Whether no system call has been made yet.
  var isBooting = true

  /// What is known of a processor.
  private struct Stretch {
    /// How often its thread had waited when that was last looked at.
    var waits = -1
    /// The time stamp then, where that was another number than before: since that time it has not halted.
    var start: UInt64 = 0
  }
  private var stretches: [Stretch] = []

  /// Sets the deadline the guest asked for, or a later one; 0 disarms the timer.
  mutating func set(_ deadline: UInt64, on vcpu: borrowing VCPU) throws(SystemError) {
    var effective = deadline
    if deadline != 0 {
      effective = later(
        deadline, at: try vcpu.msr(DeadlineThrottle.timeStampCounter),
        second: (try vcpu.timeStampCounterKHz()) &* 1000, onProcessor: vcpu.index, waits: Thread.waits())
    }
    try vcpu.setMSR(DeadlineThrottle.register, effective)
    vcpu.completeMSR(deadline)
  }

  /// The deadline to set instead of `deadline`; no earlier one.
  /// - Parameters:
  ///   - now: the processor's time stamp.
  ///   - second: how much that grows in one.
  ///   - index: the processor's.
  ///   - waits: how often its thread has waited: a processor that halts has it wait.
  mutating func later(
    _ deadline: UInt64, at now: UInt64, second: UInt64, onProcessor index: Int, waits: Int
  ) -> UInt64 {
    if isBooting { return max(deadline, now &+ second) }
    while stretches.count <= index { stretches.append(Stretch()) }
    if stretches[index].waits != waits { stretches[index] = Stretch(waits: waits, start: now) }
    let isNew = now &- stretches[index].start < second / 20
    return isNew ? deadline : max(deadline, now &+ second / 2)
  }
}
