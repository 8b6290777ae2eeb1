#if arch(x86_64)
import CLinux

/// The processor this program runs on.
public enum Processor {
  /// Whether it offers VMX (Intel) or SVM (AMD), so that KVM can run a guest's kernel natively.
  public static var hasHardwareVirtualization: Bool {
    let vmx = clinux_cpuid(1, 0).ecx & 1 << 5
    let svm = clinux_cpuid(0x8000_0001, 0).ecx & 1 << 2
    return vmx | svm != 0
  }

  /// Where a component of the extended state lies in XSAVE's standard form, in bytes; a size of 0 where the processor
  /// lacks it (CPUID leaf 0xD).
  /// - Parameter component: its number in XCR0, 2 to 62.
  public static func stateComponent(_ component: Int) -> (offset: Int, size: Int) {
    let leaf = clinux_cpuid(0xD, UInt32(component))
    return (Int(leaf.ebx), Int(leaf.eax))
  }
}
#endif
