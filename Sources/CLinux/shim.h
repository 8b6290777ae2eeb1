// What Swift cannot call or import from the C library: variadic functions, function-like macros and calls
// hidden behind _GNU_SOURCE. Every function returns the result, or -errno, so that nothing between the call and
// its check can clobber errno.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <malloc.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static inline long clinux_result(long result) { return result < 0 ? -(long)errno : result; }

static inline long clinux_open(const char *path, int flags, unsigned mode) {
  return clinux_result(open(path, flags, mode));
}
static inline long clinux_ioctl(int fd, unsigned long request, void *argument) {
  return clinux_result(ioctl(fd, request, argument));
}
static inline long clinux_ioctl_value(int fd, unsigned long request, unsigned long value) {
  return clinux_result(ioctl(fd, request, value));
}
// Taps. The name is at most IFNAMSIZ - 1 bytes.
static inline struct ifreq clinux_link(const char *name) {
  struct ifreq request = {0};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  return request;
}
static inline long clinux_tap_attach(int fd, const char *name) {
  struct ifreq request = clinux_link(name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  return clinux_result(ioctl(fd, TUNSETIFF, &request));
}
static inline long clinux_tap_header_size(int fd, int size) {
  return clinux_result(ioctl(fd, TUNSETVNETHDRSZ, &size));
}
static inline long clinux_tap_offload(int fd, unsigned flags) {
  return clinux_result(ioctl(fd, TUNSETOFFLOAD, (unsigned long)flags));
}
static inline long clinux_link_set_up(int socket, const char *name) {
  struct ifreq request = clinux_link(name);
  if (ioctl(socket, SIOCGIFFLAGS, &request) < 0) return clinux_result(-1);
  request.ifr_flags |= IFF_UP;
  return clinux_result(ioctl(socket, SIOCSIFFLAGS, &request));
}
static inline long clinux_link_set_mtu(int socket, const char *name, int mtu) {
  struct ifreq request = clinux_link(name);
  request.ifr_mtu = mtu;
  return clinux_result(ioctl(socket, SIOCSIFMTU, &request));
}
static inline long clinux_fcntl(int fd, int command, unsigned long argument) {
  return clinux_result(fcntl(fd, command, argument));
}
static inline long clinux_fcntl_lock(int fd, int command, struct flock *lock) {
  return clinux_result(fcntl(fd, command, lock));
}
static inline long clinux_accept(int fd, int flags) {
  return clinux_result(syscall(SYS_accept4, fd, NULL, NULL, flags));
}
static inline long clinux_fallocate(int fd, int mode, off_t offset, off_t length) {
  return clinux_result(syscall(SYS_fallocate, fd, mode, offset, length));
}
// What direct transfers of a file must be multiples of: memory addresses and lengths, offsets. Zeros where the file
// cannot be transferred directly; -EOPNOTSUPP where the kernel (before 6.1) or the file system does not tell.
struct clinux_alignment {
  long result;
  uint32_t memory, offset;
};
static inline struct clinux_alignment clinux_direct_alignment(int fd) {
  struct statx status;
  const unsigned mask = 0x2000;  // STATX_DIOALIGN
  long result = clinux_result(syscall(SYS_statx, fd, "", 0x1000 /* AT_EMPTY_PATH */, mask, &status));
  if (result == 0 && !(status.stx_mask & mask)) result = -EOPNOTSUPP;
  struct clinux_alignment alignment = {result, 0, 0};
  if (result == 0) {
    alignment.memory = status.stx_dio_mem_align;
    alignment.offset = status.stx_dio_offset_align;
  }
  return alignment;
}
static inline long clinux_memfd_create(const char *name, unsigned flags) {
  return clinux_result(syscall(SYS_memfd_create, name, flags));
}
static inline long clinux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  const struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return clinux_result(syscall(SYS_openat2, directory, path, &how, sizeof how));
}
static inline long clinux_statx(int fd, unsigned mask, struct statx *details) {
  return clinux_result(syscall(SYS_statx, fd, "", 0x1000 /* AT_EMPTY_PATH */ | AT_SYMLINK_NOFOLLOW, mask, details));
}
static inline long clinux_statx_beneath(int directory, const char *name, unsigned mask, struct statx *details) {
  return clinux_result(syscall(SYS_statx, directory, name, AT_SYMLINK_NOFOLLOW, mask, details));
}
static inline long clinux_getdents64(int fd, void *buffer, size_t count) {
  return clinux_result(syscall(SYS_getdents64, fd, buffer, count));
}
static inline long clinux_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags) {
  return clinux_result(syscall(SYS_renameat2, from, name, to, new_name, flags));
}
static inline long clinux_set_times(int fd, const struct timespec times[2]) {
  return clinux_result(utimensat(fd, "", times, 0x1000 /* AT_EMPTY_PATH */));
}
// The C library's fstat(3) makes a call that takes a path as well, which filters cannot look at.
static inline long clinux_fstat(int fd, struct stat *status) { return clinux_result(syscall(SYS_fstat, fd, status)); }
static inline void clinux_close_range(unsigned first, unsigned last) {
  syscall(436 /* SYS_close_range */, first, last, 0);
}
static inline long clinux_set_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }
static inline long clinux_pidfd_open(int process) { return clinux_result(syscall(SYS_pidfd_open, process, 0)); }
enum : int { CLINUX_SI_QUEUE = SI_QUEUE };
static inline long clinux_pidfd_send_signal(int process, int signal) {
  siginfo_t info = {0};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  return clinux_result(syscall(SYS_pidfd_send_signal, process, signal, &info, 0));
}
// What a thread gives up. Raw calls: those of the C library would do it to all threads, or not exist.
static inline long clinux_no_new_privileges(void) { return clinux_result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }
static inline long clinux_not_dumpable(void) { return clinux_result(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)); }
static inline long clinux_drop_bounding(unsigned capability) {
  return clinux_result(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));
}
static inline long clinux_clear_ambient(void) {
  return clinux_result(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
}
static inline long clinux_drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  return clinux_result(syscall(SYS_capset, &header, none));
}
static inline long clinux_set_group(unsigned group) {
  return clinux_result(syscall(SYS_setresgid, group, group, group));
}
static inline long clinux_set_user(unsigned user) { return clinux_result(syscall(SYS_setresuid, user, user, user)); }
static inline long clinux_no_groups(void) { return clinux_result(syscall(SYS_setgroups, 0, NULL)); }
// By the C library where it can: it takes care of its own state. Else nobody does: other threads may only wait, and in the
// new process the library takes the calling thread for one with its old number, which matters to who signals itself.
static inline long clinux_fork(unsigned long namespaces) {
  if (namespaces == 0) return clinux_result(fork());
  return clinux_result(syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL));
}
static inline long clinux_mount(const char *source, const char *target, const char *type, unsigned long flags,
                                const char *options) {
  return clinux_result(mount(source, target, type, flags, options));
}
// mount_setattr(2), which the C library's kernel header does not have yet: adds MOUNT_ATTR_* and takes none away.
static inline long clinux_mount_restrict(const char *path, uint64_t attributes, int recursively) {
  const struct {
    uint64_t set, clear, propagation, users;
  } change = {attributes, 0, 0, 0};
  return clinux_result(
      syscall(442, AT_FDCWD, path, recursively ? 0x8000 /* AT_RECURSIVE */ : 0, &change, sizeof change));
}
static inline long clinux_pivot_root(const char *root, const char *old) {
  return clinux_result(syscall(SYS_pivot_root, root, old));
}
static inline long clinux_unmount_lazily(const char *path) { return clinux_result(umount2(path, MNT_DETACH)); }
static inline void clinux_pass_over(int signal) { (void)signal; }
// Leaves no handler of the calling program's to a process that shares its memory. What would stop it gets one that does
// nothing, for its parent waits for the program: a program begins without handlers, so that it is stopped as usual.
static inline void clinux_reset_handlers(void) {
  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) || action.sa_handler == SIG_IGN) continue;
    const int stops = number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
    if (!stops && action.sa_handler == SIG_DFL) continue;
    action = (struct sigaction){.sa_handler = stops ? clinux_pass_over : SIG_DFL};
    sigaction(number, &action, NULL);
  }
}
// Runs a program in a process group of its own, with these files as its first ones and signals that it does not take at
// first, which the kernel kills when the calling thread ends. Nothing of the calling process is copied, so that this costs the
// same however large it is: the new process has its memory until the program is in its place, and it waits for that.
__attribute__((noinline)) static long clinux_spawn(
    const char *path, char *const *arguments, char *const *environment, const int *files, int count,
    const sigset_t *mask) {
  volatile int failure = 0;
  sigset_t all, old;
  sigfillset(&all);
  // No handler of ours may run in memory that two have. Handlers are reset before signals are taken again, in the
  // program's own mask.
  pthread_sigmask(SIG_SETMASK, &all, &old);
  const pid_t parent = getpid();
  const pid_t child = vfork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have ended before.
    if (getppid() != parent) _exit(1);
    setpgid(0, 0);
    // In this order: what is to be one of the standard files may have the number of one behind them.
    for (int number = 0; number < count && !failure; number++) {
      const int there = files[number] == number;
      if ((there ? fcntl(number, F_SETFD, 0) : dup2(files[number], number)) < 0) failure = errno;
    }
    clinux_reset_handlers();
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (!failure) {
      execve(path, arguments, environment);
      failure = errno;
    }
    _exit(127);
  }
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (child < 0) return -error;
  if (failure) {
    waitpid(child, NULL, 0);
    return -failure;
  }
  return child;
}
static inline long clinux_die_with_parent(int signal) {
  return clinux_result(prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0));
}
static inline long clinux_install_filter(const void *instructions, unsigned short count) {
  const struct sock_fprog program = {count, (struct sock_filter *)(uintptr_t)instructions};
  return clinux_result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}
// The shared library of liburing in Debian 12 exports neither.
static inline long clinux_ring_restrict(int ring, const void *restrictions, unsigned count) {
  return clinux_result(syscall(SYS_io_uring_register, ring, 11 /* IORING_REGISTER_RESTRICTIONS */, restrictions, count));
}
static inline long clinux_ring_enable(int ring) {
  return clinux_result(syscall(SYS_io_uring_register, ring, 12 /* IORING_REGISTER_ENABLE_RINGS */, NULL, 0));
}
// Which call a SIGSYS is about, and what the filter had to say of it.
static inline int clinux_blocked_call(const siginfo_t *info) { return info->si_syscall; }
static inline int clinux_filter_data(const siginfo_t *info) { return info->si_errno; }
// Landlock (landlock(7)); the header of the C library's kernel is older than what is asked for here.
struct clinux_landlock_ruleset {
  uint64_t files, network, scope;
};
static inline long clinux_landlock_version(void) {
  return clinux_result(syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */));
}
static inline long clinux_landlock_create(const struct clinux_landlock_ruleset *ruleset, size_t size) {
  return clinux_result(syscall(SYS_landlock_create_ruleset, ruleset, size, 0));
}
static inline long clinux_landlock_allow(int ruleset, int folder, uint64_t access) {
  const struct {
    uint64_t access;
    int32_t folder;
  } __attribute__((packed)) rule = {access, folder};
  return clinux_result(syscall(SYS_landlock_add_rule, ruleset, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0));
}
static inline long clinux_landlock_restrict(int ruleset) {
  return clinux_result(syscall(SYS_landlock_restrict_self, ruleset, 0));
}
// malloc(3) otherwise makes an arena for each thread: system calls at its start, and pages that stay.
static inline void clinux_use_one_arena(void) { mallopt(M_ARENA_MAX, 1); }
// Where the linker put the program's read-only part, which the file has too: it is never written.
extern const char __executable_start[], etext[];
static inline void clinux_release_program(void) {
  const uintptr_t page = 4096, start = (uintptr_t)__executable_start, end = (uintptr_t)etext & ~(page - 1);
  if (start < end && start % page == 0) madvise((void *)start, end - start, MADV_DONTNEED);
}
enum : int { CLINUX_RUSAGE_THREAD = 1 };
static inline long clinux_thread_waits(void) {
  struct rusage usage;
  return getrusage(CLINUX_RUSAGE_THREAD, &usage) ? 0 : usage.ru_nvcsw;
}
static inline int clinux_gettid(void) { return (int)syscall(SYS_gettid); }

enum : unsigned long { CLINUX_TUNSETOFFLOAD = TUNSETOFFLOAD };

// Hidden behind _GNU_SOURCE, or cast to long long by the kernel's header.
enum : int { CLINUX_O_PATH = 010000000, CLINUX_O_TMPFILE = 020000000 | O_DIRECTORY, CLINUX_SEEK_DATA = 3, CLINUX_SEEK_HOLE = 4 };
enum : long { CLINUX_UTIME_NOW = (1l << 30) - 1l, CLINUX_UTIME_OMIT = (1l << 30) - 2l };
// The first bytes of a `struct linux_dirent64`, which has the name behind them (getdents(2)).
struct clinux_directory_entry {
  uint64_t number;
  int64_t next;
  uint16_t length;
  uint8_t type;
} __attribute__((packed));

// Open-file-description locks belong to the descriptor, not the process (fcntl(2)); glibc hides the numbers.
enum : int { CLINUX_F_OFD_SETLK = 37, CLINUX_F_OFD_SETLKW = 38, CLINUX_F_ADD_SEALS = 1033, CLINUX_O_DIRECT = __O_DIRECT };
enum : unsigned int { CLINUX_MFD_CLOEXEC = 1, CLINUX_MFD_ALLOW_SEALING = 2 };

// MAP_FAILED is a cast, which does not import.
static inline void *clinux_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  void *mapping = mmap(address, length, protection, flags, fd, offset);
  return mapping == MAP_FAILED ? NULL : mapping;
}

#if defined(__x86_64__)
struct clinux_cpuid {
  uint32_t eax, ebx, ecx, edx;
};
static inline struct clinux_cpuid clinux_cpuid(uint32_t leaf, uint32_t subleaf) {
  struct clinux_cpuid result;
  __asm__("cpuid"
          : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
          : "a"(leaf), "c"(subleaf));
  return result;
}

// Replaces the 16 bytes at `target`, which must be a multiple of 16, if they are `expected`; returns what they were.
// The compiler offers this only for processors newer than the one it assumes.
struct clinux_halves {
  uint64_t low, high;
};
static inline struct clinux_halves clinux_compare_exchange_16(void *target, struct clinux_halves expected,
                                                              struct clinux_halves value) {
  __asm__ volatile("lock cmpxchg16b %0"
                   : "+m"(*(unsigned __int128 *)target), "+a"(expected.low), "+d"(expected.high)
                   : "b"(value.low), "c"(value.high)
                   : "cc", "memory");
  return expected;
}
#endif
