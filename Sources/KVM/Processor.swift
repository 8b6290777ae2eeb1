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
}
#endif
