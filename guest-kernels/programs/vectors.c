// Two processes that take turns, each with its own pattern in the widest vector registers that it may use, and a signal
// handler that fills them with another: whoever finds not what it left there says so. The kernel must keep all of a
// process's registers at every switch, and must copy a page that two processes share before it writes a signal's frame.
#include <immintrin.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { turns = 100, register_size = 64 };

struct image {
  uint8_t bytes[3][register_size];
};

// Fills a register of each kind (low, high half, upper sixteen), gives up the processor, and stores them again. No
// instruction between loads and stores is the compiler's.
#define EXCHANGE(MOVE, A, B, C)                                                                             \
  asm volatile(MOVE " (%[in]), %%" A "\n" MOVE " 64(%[in]), %%" B "\n" MOVE " 128(%[in]), %%" C "\n"        \
               "syscall\n" MOVE " %%" A ", (%[out])\n" MOVE " %%" B ", 64(%[out])\n" MOVE " %%" C           \
               ", 128(%[out])"                                                                              \
               : "+a"(call)                                                                                 \
               : [in] "r"(in), [out] "r"(out), "D"(first), "S"(second)                                      \
               : "rcx", "r11", "memory", "xmm0", "xmm7", "xmm15")

__attribute__((target("avx512f"))) static void exchange512(const struct image *in, struct image *out, long call, long first,
                                                           long second) {
  EXCHANGE("vmovdqu64", "zmm0", "zmm15", "zmm31");
}

static void exchange256(const struct image *in, struct image *out, long call, long first, long second) {
  EXCHANGE("vmovdqu", "ymm0", "ymm7", "ymm15");
}

static void exchange128(const struct image *in, struct image *out, long call, long first, long second) {
  EXCHANGE("movdqu", "xmm0", "xmm7", "xmm15");
}

// Bytes of a vector register that the system lets programs use.
static int width(void) {
  if (__builtin_cpu_supports("avx512f")) return 64;
  return __builtin_cpu_supports("avx") ? 32 : 16;
}

static void exchange(const struct image *in, struct image *out, long call, long first, long second) {
  switch (width()) {
  case 64: exchange512(in, out, call, first, second); break;
  case 32: exchange256(in, out, call, first, second); break;
  default: exchange128(in, out, call, first, second);
  }
}

static int differ(const struct image *one, const struct image *other) {
  for (int kind = 0; kind < 3; kind++)
    if (memcmp(one->bytes[kind], other->bytes[kind], (size_t)width()) != 0) return 1;
  return 0;
}

static void fill(int signal) {
  struct image noise, ignored;
  memset(&noise, signal, sizeof noise);
  exchange(&noise, &ignored, 24, 0, 0);
}

int main(void) {
  int *lost = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (lost == MAP_FAILED) return 1;
  signal(SIGUSR1, fill);
  pid_t child = fork();
  struct image mine, found;
  memset(&mine, child ? 0x11 : 0x22, sizeof mine);
  for (int turn = 0; turn < turns; turn++) {
    exchange(&mine, &found, 24, 0, 0); // sched_yield
    __atomic_fetch_add(&lost[0], differ(&mine, &found), __ATOMIC_RELAXED);
    exchange(&mine, &found, 62, getpid(), SIGUSR1); // kill, handled before it returns
    __atomic_fetch_add(&lost[1], differ(&mine, &found), __ATOMIC_RELAXED);
  }
  if (child == 0) return 0;
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) return 1;
  printf("registers of %d bytes: %d lost at switches, %d at signals\n", width(), lost[0], lost[1]);
  return lost[0] + lost[1] != 0;
}
