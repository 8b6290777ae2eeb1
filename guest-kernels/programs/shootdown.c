// Has one processor of four make two others forget a page's translation, again and again: interrupts to some processors,
// not to all.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_int running;

static void run_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static void *spin(void *processor) {
  run_on((int)(long)processor);
  running++;
  for (;;) __asm__ volatile("pause");
  return NULL;
}

int main(void) {
  pthread_t thread;
  run_on(0);
  for (long processor = 1; processor <= 2; processor++) {
    if (pthread_create(&thread, NULL, spin, (void *)processor)) return 2;
  }
  while (running < 2) sched_yield();
  for (int round = 0; round < 5; round++) {
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return 2;
    *page = 1;
    mprotect(page, 4096, PROT_READ);
    munmap(page, 4096);
  }
  printf("shootdown: done on %ld processors\n", sysconf(_SC_NPROCESSORS_ONLN));
  return 0;
}
