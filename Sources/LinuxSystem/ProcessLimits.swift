import CLinux
import Glibc

public enum ProcessLimits {
  /// The process's number, as it sees itself.
  public static var ownIdentifier: Int32 { getpid() }

  /// Descriptors the process may have (RLIMIT_NOFILE, the soft limit).
  public static var descriptors: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    return Int(clamping: limit.rlim_cur)
  }
}
