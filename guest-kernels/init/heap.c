// Temporary buffers too large for the compiler to put on the stack. They are given back in reverse order.

#include <stddef.h>
#include <stdint.h>

enum { NO_MEMORY = 12 };

static _Alignas(16) uint8_t heap[256 * 1024];
static size_t used;

int posix_memalign(void **result, size_t alignment, size_t size) {
  size_t start = (used + alignment - 1) & -alignment;
  if (start > sizeof heap || size > sizeof heap - start)
    return NO_MEMORY;
  *result = heap + start;
  used = start + size;
  return 0;
}

// For a new process that shares this memory and never gives back what it took.
size_t heap_used(void) { return used; }
void heap_reset(size_t earlier) { used = earlier; }

void free(void *memory) {
  if (memory)
    used = (uint8_t *)memory - heap;
}
