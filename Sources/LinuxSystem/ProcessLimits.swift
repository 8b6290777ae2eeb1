import Glibc

public enum ProcessLimits {
  /// Descriptors the process may have (RLIMIT_NOFILE, the soft limit).
  public static var descriptors: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    return Int(clamping: limit.rlim_cur)
  }
}
