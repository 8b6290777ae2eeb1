// The system calls init makes, straight to the kernel. Each returns what the kernel returns: -errno on failure.

#ifndef SWIFTLET_INIT_CALLS_H
#define SWIFTLET_INIT_CALLS_H

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/statfs.h>
#include <asm/termios.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/reboot.h>
#include <linux/sysinfo.h>
#include <linux/time.h>
#include <linux/utsname.h>
#include <linux/wait.h>
#include <stdint.h>

static inline long system_call(long number, long a, long b, long c, long d, long e) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}

static inline long sys_open(const void *path, int flags) { return system_call(__NR_open, (long)path, flags, 0, 0, 0); }
static inline long sys_close(int fd) { return system_call(__NR_close, fd, 0, 0, 0, 0); }
static inline long sys_read(int fd, void *buffer, long count) {
  return system_call(__NR_read, fd, (long)buffer, count, 0, 0);
}
static inline long sys_write(int fd, const void *buffer, long count) {
  return system_call(__NR_write, fd, (long)buffer, count, 0, 0);
}
static inline long sys_pwrite(int fd, const void *buffer, long count, long offset) {
  return system_call(__NR_pwrite64, fd, (long)buffer, count, offset, 0);
}
static inline long sys_dup2(int from, int to) { return system_call(__NR_dup2, from, to, 0, 0, 0); }
static inline long sys_is_open(int fd) { return system_call(__NR_fcntl, fd, F_GETFD, 0, 0, 0) >= 0; }
static inline long sys_mkdir(const void *path, int mode) {
  return system_call(__NR_mkdir, (long)path, mode, 0, 0, 0);
}
static inline long sys_may_execute(const void *path) { return system_call(__NR_access, (long)path, 1, 0, 0, 0); }
static inline long sys_mount(const void *source, const void *target, const void *type, unsigned long flags) {
  return system_call(__NR_mount, (long)source, (long)target, (long)type, (long)flags, 0);
}
static inline long sys_mount_with(const void *source, const void *target, const void *type, unsigned long flags,
                                  const void *options) {
  return system_call(__NR_mount, (long)source, (long)target, (long)type, (long)flags, (long)options);
}
static inline long sys_sync(void) { return system_call(__NR_sync, 0, 0, 0, 0, 0); }
static inline long sys_power_off(void) {
  return system_call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, 0, 0);
}

static inline long sys_getpid(void) { return system_call(__NR_getpid, 0, 0, 0, 0, 0); }
static inline long sys_setsid(void) { return system_call(__NR_setsid, 0, 0, 0, 0, 0); }
static inline long sys_take_terminal(int fd) { return system_call(__NR_ioctl, fd, TIOCSCTTY, 0, 0, 0); }
static inline long sys_window_size(int fd, struct winsize *size) {
  return system_call(__NR_ioctl, fd, TIOCGWINSZ, (long)size, 0, 0);
}
static inline long sys_execve(const void *path, const void *arguments, const void *environment) {
  return system_call(__NR_execve, (long)path, (long)arguments, (long)environment, 0, 0);
}
static inline long sys_kill(int process, int signal) { return system_call(__NR_kill, process, signal, 0, 0, 0); }
static inline long sys_wait(int *status, int options) { return system_call(__NR_wait4, -1, (long)status, options, 0, 0); }
static inline long sys_wait_for(int process) { return system_call(__NR_wait4, process, 0, 0, 0, 0); }

// A set of signals is a word with bit n - 1 for signal n.
static inline long sys_set_signal_mask(uint64_t mask) {
  return system_call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof mask, 0);
}
// Waits for one of the blocked signals in `set`; null for no limit. Returns the signal, or -EAGAIN, -EINTR.
static inline long sys_wait_signal(uint64_t set, const struct timespec *limit) {
  return system_call(__NR_rt_sigtimedwait, (long)&set, 0, (long)limit, sizeof set, 0);
}
static inline long sys_monotonic_time(struct timespec *time) {
  return system_call(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, (long)time, 0, 0, 0);
}

static inline void sys_sleep(long milliseconds) {
  struct __kernel_timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  system_call(__NR_nanosleep, (long)&time, 0, 0, 0, 0);
}
static inline long sys_uname(struct new_utsname *name) { return system_call(__NR_uname, (long)name, 0, 0, 0, 0); }
static inline const uint8_t *uname_system(const struct new_utsname *name) { return (const uint8_t *)name->sysname; }
static inline const uint8_t *uname_release(const struct new_utsname *name) { return (const uint8_t *)name->release; }
static inline const uint8_t *uname_machine(const struct new_utsname *name) { return (const uint8_t *)name->machine; }
static inline long sys_sysinfo(struct sysinfo *info) { return system_call(__NR_sysinfo, (long)info, 0, 0, 0, 0); }
static inline long sys_statfs(const void *path, struct statfs *info) {
  return system_call(__NR_statfs, (long)path, (long)info, 0, 0, 0);
}
// Fills `mask` with the processors this process may use; returns the number of bytes written.
static inline long sys_affinity(void *mask, long bytes) {
  return system_call(__NR_sched_getaffinity, 0, bytes, (long)mask, 0, 0);
}

// For an agent: files and processes.
static inline long sys_chdir(const void *path) { return system_call(__NR_chdir, (long)path, 0, 0, 0, 0); }
static inline long sys_chroot(const void *path) { return system_call(__NR_chroot, (long)path, 0, 0, 0, 0); }
static inline long sys_symlink(const void *target, const void *path) {
  return system_call(__NR_symlink, (long)target, (long)path, 0, 0, 0);
}
static inline long sys_unlink(const void *path) { return system_call(__NR_unlink, (long)path, 0, 0, 0, 0); }
static inline long sys_create(const void *path) {
  return system_call(__NR_open, (long)path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644, 0, 0);
}
static inline long sys_set_owner(int fd, uint32_t user, uint32_t group) {
  return system_call(__NR_fchown, fd, user, group, 0, 0);
}
static inline long sys_set_flags(int fd, int flags) { return system_call(__NR_fcntl, fd, F_SETFL, flags, 0, 0); }
static inline long sys_pipe(int ends[2]) { return system_call(__NR_pipe2, (long)ends, O_CLOEXEC, 0, 0, 0); }
static inline long sys_poll(struct pollfd *entries, long count) {
  return system_call(__NR_poll, (long)entries, count, -1, 0, 0);
}
static inline long sys_signal_descriptor(uint64_t set) {
  return system_call(__NR_signalfd4, -1, (long)&set, sizeof set, O_CLOEXEC | O_NONBLOCK, 0);
}
static inline long sys_set_groups(long count, const uint32_t *groups) {
  return system_call(__NR_setgroups, count, (long)groups, 0, 0, 0);
}
static inline long sys_set_group(uint32_t group) { return system_call(__NR_setgid, group, 0, 0, 0, 0); }
static inline long sys_set_user(uint32_t user) { return system_call(__NR_setuid, user, 0, 0, 0, 0); }
static inline long sys_set_limit(int resource, uint64_t soft, uint64_t hard) {
  uint64_t limit[2] = {soft, hard};
  return system_call(__NR_prlimit64, 0, resource, (long)limit, 0, 0);
}
static inline long sys_set_host_name(const void *name, long length) {
  return system_call(__NR_sethostname, (long)name, length, 0, 0, 0);
}

// Memory that is there where it is used; what is not is not counted either. Its address, or -errno.
static inline long sys_map(long size) {
  register long none __asm__("r9") = 0;
  register long fd __asm__("r8") = -1;
  register long flags __asm__("r10") = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(__NR_mmap), "D"(0), "S"(size), "d"(PROT_READ | PROT_WRITE), "r"(flags), "r"(fd), "r"(none)
                   : "rcx", "r11", "memory");
  return result;
}
static inline void sys_unmap(void *start, long size) { system_call(__NR_munmap, (long)start, size, 0, 0, 0); }

// For an agent: terminals.
static inline long sys_terminal_unlock(int fd) {
  int locked = 0;
  return system_call(__NR_ioctl, fd, TIOCSPTLCK, (long)&locked, 0, 0);
}
static inline long sys_terminal_peer(int fd) {
  return system_call(__NR_ioctl, fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC, 0, 0);
}
static inline long sys_set_window_size(int fd, uint16_t columns, uint16_t rows) {
  struct winsize size = {rows, columns, 0, 0};
  return system_call(__NR_ioctl, fd, TIOCSWINSZ, (long)&size, 0, 0);
}

// For an agent: sockets.
#define address_family_vsock 40
struct vsock_address {
  uint16_t family, reserved;
  uint32_t port, context;
  uint8_t zero[4];
};
static inline long sys_vsock_stream(int flags) {
  return system_call(__NR_socket, address_family_vsock, 1 /* SOCK_STREAM */ | O_CLOEXEC | flags, 0, 0, 0);
}
static inline long sys_inet_datagram(void) {
  return system_call(__NR_socket, 2 /* AF_INET */, 2 /* SOCK_DGRAM */ | O_CLOEXEC, 0, 0, 0);
}
static inline long sys_vsock_connect(int fd, uint32_t context, uint32_t port) {
  const struct vsock_address address = {address_family_vsock, 0, port, context, {0}};
  return system_call(__NR_connect, fd, (long)&address, sizeof address, 0, 0);
}
static inline long sys_vsock_listen(int fd, uint32_t port) {
  const struct vsock_address address = {address_family_vsock, 0, port, -1U /* any */, {0}};
  const long result = system_call(__NR_bind, fd, (long)&address, sizeof address, 0, 0);
  return result < 0 ? result : system_call(__NR_listen, fd, 16, 0, 0, 0);
}
static inline long sys_vsock_accept(int fd, uint32_t *context) {
  struct vsock_address address = {0};
  uint32_t size = sizeof address;
  const long result = system_call(__NR_accept4, fd, (long)&address, (long)&size, O_CLOEXEC | O_NONBLOCK, 0);
  *context = address.context;
  return result;
}
static inline long sys_loopback_up(int fd) {
  const struct { char name[16]; int16_t flags; uint8_t rest[22]; } request = {"lo", 1 /* IFF_UP */, {0}};
  return system_call(__NR_ioctl, fd, 0x8914 /* SIOCSIFFLAGS */, (long)&request, 0, 0);
}

// In the agent's memory.c.
extern const uint8_t *_Nullable *text_pointers(void);
extern uint8_t *home_text(void);

// In start.S: runs child_main(argument) in a new process that shares this memory, on a stack of its own,
// and returns its process number once it has become another program or ended.
extern long spawn(void *argument);
extern unsigned long heap_used(void);
extern void heap_reset(unsigned long earlier);
__attribute__((noreturn)) static inline void sys_exit(int status) {
  for (;;)
    system_call(__NR_exit_group, status, 0, 0, 0, 0);
}

#endif
