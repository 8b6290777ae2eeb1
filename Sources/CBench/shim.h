// What Swift cannot call or import from the C library. Every function returns the result, or -errno.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// From here on the calling thread has network interfaces of its own.
static inline int cbench_leave_network(void) {
  return syscall(SYS_unshare, 0x40000000 /* CLONE_NEWNET */) < 0 ? -errno : 0;
}

// A socket whose writes are frames that leave by an interface, and whose reads are frames of one kind that came by it.
static inline int cbench_frame_socket(const char *interface, unsigned short kind) {
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(kind), .sll_ifindex = (int)if_nametoindex(interface)};
  int made = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (made < 0) return -errno;
  if (bind(made, (const struct sockaddr *)&address, sizeof address) == 0) return made;
  int code = errno;
  close(made);
  return -code;
}

// Whose parent has ended below this process becomes its child, and not that of the first process.
static inline int cbench_take_in_orphans(void) {
  return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}
