import CLinux
import Glibc

/// What a process or thread may do beyond its user's permissions, given up for good.
public enum Privileges {
  /// A process that is to have another user and group.
  public struct Identity: Sendable, Equatable {
    public var user: UInt32?
    public var group: UInt32?

    public init(user: UInt32?, group: UInt32?) {
      self.user = user
      self.group = group
    }
  }

  /// No program this thread runs gets rights by its file (PR_SET_NO_NEW_PRIVS).
  public static func refuseNewOnes() throws(SystemError) {
    _ = try checked(clinux_no_new_privileges(), "prctl", "PR_SET_NO_NEW_PRIVS")
  }

  /// Takes on another user and group, and no others besides; for the calling thread alone.
  /// - Throws: EPERM where the thread has not the right to.
  public static func become(_ identity: Identity) throws(SystemError) {
    _ = try checked(clinux_no_groups(), "setgroups")
    if let group = identity.group { _ = try checked(clinux_set_group(group), "setresgid", "\(group)") }
    if let user = identity.user { _ = try checked(clinux_set_user(user), "setresuid", "\(user)") }
  }

  /// Empties the bounding set of the calling thread (capabilities(7)). Without CAP_SETPCAP it stays as it is: it only
  /// limits what a program with rights in its file gets, which ``refuseNewOnes()`` rules out.
  public static func dropBoundingSet() {
    var capability: UInt32 = 0
    while clinux_drop_bounding(capability) == 0 { capability += 1 }
  }

  /// Drops every capability of the calling thread from its other four sets.
  public static func dropCapabilities() throws(SystemError) {
    // Kernels before 4.3 have no ambient set.
    _ = clinux_clear_ambient()
    _ = try checked(clinux_drop_capabilities(), "capset")
  }

  /// No core dumps, and no other process of the user may look into this one (PR_SET_DUMPABLE, RLIMIT_CORE).
  public static func hideMemory() throws(SystemError) {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    _ = try checking("setrlimit", "RLIMIT_CORE") {
      Int(setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none))
    }
    _ = try checked(clinux_not_dumpable(), "prctl", "PR_SET_DUMPABLE")
  }
}
