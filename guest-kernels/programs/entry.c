// Enters the guest's kernel as SYSCALL does, but with the direction flag set, by a jump to where the work-around for hosts
// without VMX and SVM has SYSCALL land. A kernel relies on that flag to be clear: it must not write below the buffer.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { size = 4096 };
static unsigned char memory[3 * size] __attribute__((aligned(4096)));

static long forged(long number, long first, long second, long third) {
  long result;
  register long rdx __asm__("rdx") = third;
  __asm__ volatile(
      "mov $0xfffff00000000000, %%r8\n"
      "lea 1f(%%rip), %%rcx\n"
      "mov $0x202, %%r11d\n"
      "std\n"
      "jmp *%%r8\n"
      "1: cld\n"
      : "=a"(result)
      : "0"(number), "D"(first), "S"(second), "r"(rdx)
      : "rcx", "r8", "r11", "memory");
  return result;
}

int main(void) {
  int zeros = open("/dev/zero", O_RDONLY);
  if (zeros < 0 || setgid(65534) || setuid(65534)) return 2;
  memset(memory, 0xAA, sizeof memory);
  long count = forged(SYS_read, zeros, (long)memory + size, size);
  int inside = 0, outside = 0;
  for (int i = 0; i < (int)sizeof memory; i++) {
    if (memory[i] == 0xAA) continue;
    if (i >= size && i < 2 * size) inside++;
    else outside++;
  }
  printf("entry: read %ld, %d inside, %d outside\n", count, inside, outside);
  return 0;
}
