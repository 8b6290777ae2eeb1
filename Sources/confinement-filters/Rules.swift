import CKVM
import CLinux
import Glibc

/// A system call that is allowed, where all conditions on its arguments hold.
struct Rule {
  /// What an argument must be for the call to be allowed.
  enum Condition {
    case equals(argument: UInt32, UInt64)
    /// The bits of `mask` are `value`.
    case masked(argument: UInt32, mask: UInt64, UInt64)
  }

  let call: String
  var conditions: [Condition] = []

  init(_ call: String, _ conditions: Condition...) {
    self.call = call
    self.conditions = conditions
  }

  static func ioctl(_ requests: UInt...) -> [Rule] {
    requests.map { Rule("ioctl", .equals(argument: 1, UInt64($0))) }
  }

  static func calls(_ names: String...) -> [Rule] { names.map { Rule($0) } }
}

/// Rules that stand and fall together: a thread's filter is made of several such parts.
struct Part {
  let name: String
  /// What its users are told in the table.
  let purpose: String
  let rules: [Rule]
}

enum Rules {
  /// Stands for the process's own identifier, which the loader of a filter puts there.
  static let ownProcess: UInt64 = 0x7A5D_0001

  static let parts = [
    Part(
      name: "common", purpose: "what the C library and Swift's runtime need on every thread", rules: common),
    Part(name: "processor", purpose: "a virtual processor's thread", rules: processor),
    // Not KVM_ENABLE_CAP: a filter does not see which capability, and all that are needed are turned on before.
    Part(
      name: "workarounds", purpose: "a virtual processor's thread where KVM has no hardware beneath it",
      rules: Rule.ioctl(
        CKVM_GET_MSRS, CKVM_SET_MSRS, CKVM_GET_VCPU_EVENTS, CKVM_SET_VCPU_EVENTS, CKVM_TRANSLATE,
        CKVM_GET_TSC_KHZ, CKVM_GET_XSAVE, CKVM_SET_XSAVE, CKVM_GET_XCRS)
        + [Rule("getrusage", .equals(argument: 0, UInt64(CLINUX_RUSAGE_THREAD)))]),
    Part(name: "loop", purpose: "a thread with an event loop: main and io", rules: loop),
    Part(
      name: "interrupts", purpose: "the io thread, which raises interrupts",
      rules: Rule.ioctl(CKVM_SIGNAL_MSI)),
    Part(name: "counter", purpose: "who reads KVM's counters for a timeline", rules: Rule.calls("pread64")),
    Part(
      name: "console", purpose: "the main thread of a machine with a console",
      rules: Rule.ioctl(UInt(TCGETS), UInt(TIOCGWINSZ))),
    Part(
      name: "streams", purpose: "a console on sockets", rules: Rule.calls("recvfrom", "sendmsg")),
    Part(
      name: "fault", purpose: "every thread, to bring a raw terminal back after a fault",
      rules: Rule.ioctl(UInt(TCGETS), UInt(TCSETS))),
    Part(
      name: "terminal", purpose: "the main thread where the console is a terminal",
      rules: Rule.ioctl(UInt(TIOCGPGRP)) + Rule.calls("getpgrp", "rt_sigaction")),
    Part(name: "disk", purpose: "disks", rules: Rule.calls("preadv", "pread64", "lseek")),
    Part(
      name: "diskWrites", purpose: "disks that are not read-only",
      rules: Rule.calls("pwritev", "pwrite64", "fdatasync", "fallocate")),
    Part(
      name: "ring", purpose: "disks with io_uring, whose ring takes no other operations than theirs",
      rules: Rule.calls("io_uring_enter")),
    Part(
      name: "tap", purpose: "taps", rules: Rule.ioctl(CLINUX_TUNSETOFFLOAD)),
    Part(
      name: "sockets", purpose: "named ports and vsock: who connects",
      rules: Rule.calls("accept4", "recvfrom", "shutdown")),
    Part(
      name: "removal", purpose: "named ports and vsock: the socket is removed at the end",
      rules: Rule.calls("newfstatat", "unlink")),
    Part(
      name: "connections", purpose: "vsock: the guest's connections to Unix sockets of the host",
      rules: [
        Rule(
          "socket", .equals(argument: 0, UInt64(AF_UNIX)),
          .masked(argument: 1, mask: 0xF, UInt64(SOCK_STREAM.rawValue))),
        Rule("connect"),
      ]),
    Part(name: "share", purpose: "shared directories", rules: share),
    Part(
      name: "shareWrites", purpose: "shared directories that are writable",
      rules: Rule.calls(
        "pwritev", "pwrite64", "fsync", "fdatasync", "fallocate", "ftruncate", "mkdirat", "symlinkat",
        "linkat",
        "unlinkat", "renameat2", "fchmod", "utimensat")),
  ]

  private static let common =
    Rule.calls(
      "write", "writev", "read", "readv", "close", "fstat", "futex", "munmap", "mremap", "brk",
      "clock_gettime", "getpid",
      "gettid", "getrandom", "sched_yield", "restart_syscall", "rt_sigprocmask", "rt_sigreturn", "exit",
      "exit_group") + [
      // New memory that is no file and can never be executed.
      Rule(
        "mmap", .masked(argument: 2, mask: UInt64(PROT_EXEC), 0),
        .masked(argument: 3, mask: UInt64(MAP_ANONYMOUS), UInt64(MAP_ANONYMOUS))),
      Rule("madvise", .equals(argument: 2, UInt64(MADV_DONTNEED))),
      Rule("madvise", .equals(argument: 2, UInt64(MADV_FREE))),
      Rule("tgkill", .equals(argument: 0, ownProcess)),
    ]

  private static let processor = Rule.ioctl(
    CKVM_RUN, CKVM_SIGNAL_MSI, CKVM_SET_CPUID2, CKVM_GET_REGS, CKVM_SET_REGS, CKVM_GET_SREGS, CKVM_SET_SREGS,
    CKVM_GET_MP_STATE)

  private static let loop = Rule.calls("epoll_wait", "epoll_pwait", "epoll_ctl", "timerfd_settime", "poll")

  private static let share = Rule.calls(
    "openat2", "statx", "readlinkat", "fstatfs", "getdents64", "lseek", "preadv", "pread64")
}
