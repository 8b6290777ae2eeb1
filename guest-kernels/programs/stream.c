// Moves a known pattern over a virtio socket, and says what came: the guest's side of the tests of vsock.
//
//   stream echo PORT COUNT       accepts COUNT connections and sends back what each sends, until it ends its side
//   stream send PORT BYTES [N]   N connections at once to a port of the host: sends BYTES on each, ends its side, and
//                                reads to the end; prints count and hash of what came back on each
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

enum { chunk = 65536 };
static unsigned char out[chunk], in[chunk];

static void fail(const char *what) {
  fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
  exit(1);
}

// The byte at a place of the pattern: its neighbours and those 64 KiB on differ.
static unsigned char pattern(uint64_t place) { return (unsigned char)(place * 7 + (place >> 8) + (place >> 16) * 3); }

// FNV-1a over 32 bits.
static uint32_t hash(uint32_t state, const unsigned char *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) state = (state ^ bytes[i]) * 16777619u;
  return state;
}

static void echo_one(int socket) {
  for (;;) {
    ssize_t count = read(socket, in, sizeof in);
    if (count == 0) break;
    if (count < 0) fail("read");
    for (ssize_t done = 0; done < count;) {
      ssize_t part = write(socket, in + done, (size_t)(count - done));
      if (part < 0) fail("write");
      done += part;
    }
  }
  close(socket);
}

static void echo(unsigned port, int count) {
  int listener = socket(AF_VSOCK, SOCK_STREAM, 0);
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = port, .svm_cid = VMADDR_CID_ANY};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(listener, 16) < 0) fail("listen");
  // Children that have ended are gone at once: connections may come without end.
  signal(SIGCHLD, SIG_IGN);
  printf("stream: listening\n");
  fflush(stdout);
  for (int i = 0; i < count; i++) {
    int one = accept(listener, NULL, NULL);
    if (one < 0) fail("accept");
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      echo_one(one);
      _exit(0);
    }
    close(one);
  }
}

// Sends and reads at once: neither side's buffers hold it all.
static void exchange(int socket, uint64_t bytes) {
  uint64_t sent = 0, came = 0;
  uint32_t state = 2166136261u;
  for (int open = 1;;) {
    struct pollfd wait = {.fd = socket, .events = (short)(POLLIN | (open ? POLLOUT : 0))};
    if (poll(&wait, 1, -1) < 0) fail("poll");
    if (open && wait.revents & POLLOUT) {
      size_t count = bytes - sent < chunk ? (size_t)(bytes - sent) : chunk;
      for (size_t i = 0; i < count; i++) out[i] = pattern(sent + i);
      ssize_t part = count ? send(socket, out, count, MSG_DONTWAIT) : 0;
      if (part < 0 && errno != EAGAIN) fail("send");
      if (part > 0) sent += (uint64_t)part;
      if (sent == bytes) {
        shutdown(socket, SHUT_WR);
        open = 0;
      }
    }
    if (wait.revents & (POLLIN | POLLHUP)) {
      ssize_t count = recv(socket, in, sizeof in, MSG_DONTWAIT);
      if (count == 0) break;
      if (count < 0 && errno != EAGAIN) fail("recv");
      if (count > 0) {
        state = hash(state, in, (size_t)count);
        came += (uint64_t)count;
      }
    }
  }
  printf("stream: %llu bytes, hash %08x\n", (unsigned long long)came, state);
  fflush(stdout);
}

static void send_all(unsigned port, uint64_t bytes, int count) {
  for (int i = 0; i < count; i++) {
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child > 0) continue;
    int one = socket(AF_VSOCK, SOCK_STREAM, 0);
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = port, .svm_cid = VMADDR_CID_HOST};
    // Linux gives up after two seconds, which a busy guest on a slow host may need to look at the answer.
    struct timeval patience = {.tv_sec = 60};
    if (setsockopt(one, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof patience) < 0) fail("setsockopt");
    if (connect(one, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    exchange(one, bytes);
    exit(0);
  }
}

int main(int argc, char **argv) {
  if (argc >= 4 && !strcmp(argv[1], "echo"))
    echo((unsigned)strtoul(argv[2], NULL, 0), atoi(argv[3]));
  else if (argc >= 4 && !strcmp(argv[1], "send"))
    send_all((unsigned)strtoul(argv[2], NULL, 0), strtoull(argv[3], NULL, 0), argc > 4 ? atoi(argv[4]) : 1);
  else
    return fprintf(stderr, "usage: stream echo PORT COUNT | stream send PORT BYTES [CONNECTIONS]\n"), 2;
  int status, failed = 0;
  while (wait(&status) > 0) failed |= status != 0;
  return failed;
}
