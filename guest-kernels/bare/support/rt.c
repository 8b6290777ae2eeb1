// The few C library functions the compiler may call on its own account.

#include <stddef.h>
#include <stdint.h>

void *memset(void *destination, int value, size_t count) {
  void *cursor = destination;
  __asm__ volatile("rep stosb" : "+D"(cursor), "+c"(count) : "a"(value) : "memory");
  return destination;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t count) {
  void *cursor = destination;
  __asm__ volatile("rep movsb" : "+D"(cursor), "+S"(source), "+c"(count) : : "memory");
  return destination;
}

void *memmove(void *destination, const void *source, size_t count) {
  if ((uintptr_t)destination - (uintptr_t)source >= count)
    return memcpy(destination, source, count);
  uint8_t *to = destination;
  const uint8_t *from = source;
  while (count-- > 0)
    to[count] = from[count];
  return destination;
}

size_t strlen(const char *text) {
  const char *end = text;
  while (*end != 0)
    end++;
  return end - text;
}
