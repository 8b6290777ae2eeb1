// Computes for some seconds, and prints how many nanoseconds that took: the same work inside a machine and outside.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Integers, floating point, branches and memory that fits a second-level cache; nothing that the compiler could leave out.
static double work(unsigned long rounds) {
  static uint32_t table[1 << 16];
  uint32_t state = 1;
  double sum = 0;
  for (unsigned long round = 0; round < rounds; round++)
    for (int step = 0; step < 1 << 16; step++) {
      state ^= state << 13, state ^= state >> 17, state ^= state << 5;
      uint32_t *cell = &table[state & 0xFFFF];
      *cell += state;
      if (*cell & 1) sum += (double)*cell * 1e-9;
      else sum *= 0.999999;
    }
  return sum;
}

int main(int count, char **arguments) {
  unsigned long rounds = count > 1 ? strtoul(arguments[1], NULL, 10) : 0;
  // Once before, so that all memory is there.
  volatile double sum = work(1);
  uint64_t begin = nanoseconds();
  sum = work(rounds);
  printf("%llu\n", (unsigned long long)(nanoseconds() - begin));
  (void)sum;
  return 0;
}
