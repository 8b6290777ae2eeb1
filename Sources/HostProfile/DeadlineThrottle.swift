import KVM
import LinuxSystem

/// Spreads the guest's timer interrupts while it boots.
///
/// Time flows at full speed while an interpreted kernel is slow: on a loaded host a tick can cost more than its
/// period, and the guest does nothing else. So until the first system call a deadline (Intel SDM volume 3, 11.5.4.1)
/// is at least a second away; kernels take the time that passed from their clock source, not from counting ticks.
/// A guest that never makes one keeps such deadlines.
struct DeadlineThrottle {
  /// IA32_TSC_DEADLINE.
  static let register: UInt32 = 0x6E0
  private static let timeStampCounter: UInt32 = 0x10

  var isOn = true

  /// Sets the deadline the guest asked for, or a later one; 0 disarms the timer.
  func set(_ deadline: UInt64, on vcpu: borrowing VCPU) throws(SystemError) {
    var effective = deadline
    if isOn, deadline != 0 {
      let now = try vcpu.msr(DeadlineThrottle.timeStampCounter)
      effective = max(deadline, now &+ (try vcpu.timeStampCounterKHz()) &* 1000)
    }
    try vcpu.setMSR(DeadlineThrottle.register, effective)
    vcpu.completeMSR(deadline)
  }
}
