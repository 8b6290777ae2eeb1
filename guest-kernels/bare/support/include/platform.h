// Access to ports, device registers and descriptor-table registers: what Swift has no words for.

#ifndef SWIFTLET_PLATFORM_H
#define SWIFTLET_PLATFORM_H

#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

INLINE void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

// One string instruction for the whole buffer: the fewest guest instructions per byte.
INLINE void out8_all(uint16_t port, const uint8_t *bytes, uint64_t count) {
  __asm__ volatile("rep outsb" : "+S"(bytes), "+c"(count) : "d"(port) : "memory");
}

// The address behind the first `byte` at or after `bytes`, or behind all `count` where there is none. One string
// instruction, as above.
INLINE const uint8_t *_Nonnull after8(uint8_t byte, const uint8_t *_Nonnull bytes, uint64_t count) {
  __asm__("repne scasb" : "+D"(bytes), "+c"(count) : "a"(byte) : "cc", "memory");
  return bytes;
}

// Volatile accesses of one exact width, at any alignment.
#define SWIFTLET_ACCESS(bits)                                                       \
  INLINE uint##bits##_t load##bits(uint64_t address) {                              \
    uint##bits##_t value;                                                           \
    __asm__ volatile("mov %1, %0"                                                   \
                     : "=r"(value)                                                  \
                     : "m"(*(const volatile uint##bits##_t *)address)               \
                     : "memory");                                                   \
    return value;                                                                   \
  }                                                                                 \
  INLINE void store##bits(uint64_t address, uint##bits##_t value) {                 \
    __asm__ volatile("mov %1, %0"                                                   \
                     : "=m"(*(volatile uint##bits##_t *)address)                    \
                     : "r"(value)                                                   \
                     : "memory");                                                   \
  }
SWIFTLET_ACCESS(8)
SWIFTLET_ACCESS(16)
SWIFTLET_ACCESS(32)
SWIFTLET_ACCESS(64)
#undef SWIFTLET_ACCESS

// Orders a store before a later load. A locked instruction rather than mfence: interpreters know it.
INLINE void full_barrier(void) {
  __asm__ volatile("lock orl $0, (%%rsp)" : : : "memory", "cc");
}

INLINE uint64_t timestamp(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

INLINE void interrupts_on(void) { __asm__ volatile("sti" : : : "memory"); }
INLINE void interrupts_off(void) { __asm__ volatile("cli" : : : "memory"); }
// Waits for an interrupt; one that has come just before counts too.
INLINE void wait_for_interrupt(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }
INLINE void spin_hint(void) { __asm__ volatile("pause" : : : "memory"); }

// Whether the processor's word for a hypercall is vmmcall: AMD's and Hygon's (CPUID leaf 0, "Auth" and "Hygo").
INLINE _Bool has_hypercall_of_amd(void) {
  uint32_t leaf = 0, vendor, rest1 = 0, rest2;
  __asm__ volatile("cpuid" : "+a"(leaf), "=b"(vendor), "+c"(rest1), "=d"(rest2));
  return vendor == 0x68747541 || vendor == 0x6f677948;
}

// A hypercall of a number that KVM does not know, which it says itself.
INLINE void call_hypervisor(_Bool of_amd) {
  uint64_t number = 0xffff;
  if (of_amd)
    __asm__ volatile("vmmcall" : "+a"(number) : : "memory");
  else
    __asm__ volatile("vmcall" : "+a"(number) : : "memory");
}

// In machine.S.
extern void machine_start(void);
extern uint64_t interrupt_count;
INLINE uint64_t interrupts_taken(void) { return load64((uint64_t)&interrupt_count); }

// In second.S: where a second processor begins, as a page's number.
extern uint32_t prepare_second_processor(void (*_Nonnull body)(void));

// Set by the linker script: memory after the guest's own image and stack.
extern uint8_t image_end[];
INLINE uint64_t image_end_address(void) { return (uint64_t)image_end; }

#endif
