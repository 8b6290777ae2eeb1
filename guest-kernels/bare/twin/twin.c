// The smallest C program that runs a bare guest with raw KVM calls: what Swiftlet's start-up and exits are measured
// against. It takes every short cut that such a guest allows: no CPUID, no interrupts, no thread, no description of
// hardware but an empty boot_params, output written once at the end, memory given back by the process's end.
//
// usage: twin GUEST MEMORY_MIB [COMMAND_LINE [event|interrupt]]
// With "event" a write to port 0x81 signals an eventfd that nobody waits for. With "interrupt" a write to port 0x82 wakes
// a thread that raises line 20 through KVM's own interrupt controllers.
// Prints the guest's serial output, then on standard error the boot timer marks as "mark NUMBER NANOSECONDS"; ends with
// the guest's status.
#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { GDT = 0x1000, BOOT_PARAMS = 0x7000, STACK = 0x8ff0, PAGE_TABLES = 0x9000, COMMAND_LINE = 0x20000 };
enum { CMD_LINE_PTR = 0x228 };
enum { SERIAL = 0x3f8, SLEEP_CONTROL = 0x600, WORKLOAD_STATUS = 0x602, BOOT_TIMER = 0x603 };
enum { EVENT_PORT = 0x81, INTERRUPT_PORT = 0x82, INTERRUPT_LINE = 20 };
enum { VIRTIO_WINDOW = 0xd0000000, VIRTIO_MAGIC = 0x74726976 };

static uint8_t *ram;
static struct {
  uint8_t number;
  struct timespec time;
} marks[64];
static unsigned mark_count;
static char output[4096];
static unsigned output_length;

static int check(int result, const char *what) {
  if (result < 0) err(1, "%s", what);
  return result;
}

static uint64_t load_elf(const char *path, size_t memory) {
  int file = check(open(path, O_RDONLY | O_CLOEXEC), path);
  struct {
    Elf64_Ehdr header;
    Elf64_Phdr segments[8];
  } start;
  if (read(file, &start, sizeof start) < (ssize_t)sizeof start.header || start.header.e_phnum > 8 ||
      start.header.e_phoff != sizeof start.header)
    errx(1, "%s: not a bare guest", path);
  for (unsigned i = 0; i < start.header.e_phnum; i++) {
    Elf64_Phdr *segment = &start.segments[i];
    if (segment->p_type != PT_LOAD) continue;
    if (segment->p_paddr > memory || segment->p_filesz > memory - segment->p_paddr)
      errx(1, "%s: does not fit", path);
    if (pread(file, ram + segment->p_paddr, segment->p_filesz, segment->p_offset) != (ssize_t)segment->p_filesz)
      err(1, "%s", path);
  }
  close(file);
  return start.header.e_entry;
}

// The state of the 64-bit Linux boot protocol: long mode, the first GiB mapped one to one.
static void set_registers(int vcpu, uint64_t entry) {
  uint64_t *tables = (uint64_t *)(ram + PAGE_TABLES);
  tables[0] = PAGE_TABLES + 0x1003;
  tables[512] = PAGE_TABLES + 0x2003;
  for (uint64_t page = 0; page < 512; page++) tables[1024 + page] = page << 21 | 0x83;
  uint64_t *gdt = (uint64_t *)(ram + GDT);
  gdt[2] = 0x00af9b000000ffff;
  gdt[3] = 0x00cf93000000ffff;

  struct kvm_sregs special;
  check(ioctl(vcpu, KVM_GET_SREGS, &special), "KVM_GET_SREGS");
  struct kvm_segment code = {
      .selector = 0x10, .limit = ~0u, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
  struct kvm_segment data = {
      .selector = 0x18, .limit = ~0u, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
  special.cs = code;
  special.ds = special.es = special.fs = special.gs = special.ss = data;
  special.gdt.base = GDT;
  special.gdt.limit = 31;
  special.cr0 = 0x80050033;
  special.cr3 = PAGE_TABLES;
  special.cr4 = 0x20;
  special.efer = 0x500;
  check(ioctl(vcpu, KVM_SET_SREGS, &special), "KVM_SET_SREGS");
  struct kvm_regs registers = {.rip = entry, .rsp = STACK, .rsi = BOOT_PARAMS, .rflags = 2};
  check(ioctl(vcpu, KVM_SET_REGS, &registers), "KVM_SET_REGS");
}

// An eventfd that writes of a byte to a port signal.
static int event_at(int machine, uint64_t port) {
  int event = check(eventfd(0, EFD_CLOEXEC), "eventfd");
  struct kvm_ioeventfd kick = {.addr = port, .len = 1, .fd = event, .flags = KVM_IOEVENTFD_FLAG_PIO};
  check(ioctl(machine, KVM_IOEVENTFD, &kick), "KVM_IOEVENTFD");
  return event;
}

static struct {
  int kick, interrupt;
} events;

static void *answer(void *nothing) {
  uint64_t count;
  while (read(events.kick, &count, sizeof count) == sizeof count)
    if (eventfd_write(events.interrupt, 1) < 0) err(1, "eventfd_write");
  return nothing;
}

static void raise_interrupts(int machine) {
  events.kick = event_at(machine, INTERRUPT_PORT);
  events.interrupt = check(eventfd(0, EFD_CLOEXEC), "eventfd");
  struct kvm_irqfd line = {.fd = events.interrupt, .gsi = INTERRUPT_LINE};
  check(ioctl(machine, KVM_IRQFD, &line), "KVM_IRQFD");
  pthread_t thread;
  if (pthread_create(&thread, NULL, answer, NULL) != 0) errx(1, "pthread_create");
}

static void flush(void) {
  if (output_length > 0 && write(1, output, output_length) < 0) err(1, "write");
  output_length = 0;
}

static void send(const uint8_t *bytes, unsigned count) {
  if (count > sizeof output) errx(1, "%u bytes at once", count);
  if (output_length + count > sizeof output) flush();
  memcpy(output + output_length, bytes, count);
  output_length += count;
}

// Runs the guest until it switches itself off; returns its status.
static int run(int vcpu, struct kvm_run *run) {
  int status = 0;
  for (;;) {
    check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (run->exit_reason == KVM_EXIT_IO) {
      const uint8_t *data = (uint8_t *)run + run->io.data_offset;
      switch (run->io.port) {
      case SERIAL: send(data, run->io.count); break;
      case SLEEP_CONTROL: return status;
      case WORKLOAD_STATUS: status = *data; break;
      case BOOT_TIMER:
        if (mark_count < 64) {
          marks[mark_count].number = *data;
          clock_gettime(CLOCK_MONOTONIC, &marks[mark_count++].time);
        }
      }
    } else if (run->exit_reason == KVM_EXIT_MMIO) {
      uint32_t value = run->mmio.phys_addr == VIRTIO_WINDOW ? VIRTIO_MAGIC : ~0u;
      if (!run->mmio.is_write) memcpy(run->mmio.data, &value, sizeof value);
    } else {
      errx(1, "exit reason %u", run->exit_reason);
    }
  }
}

int main(int count, char **arguments) {
  if (count < 3 || count > 5) errx(2, "usage: twin GUEST MEMORY_MIB [COMMAND_LINE [event|interrupt]]");
  int has_event = count == 5 && strcmp(arguments[4], "event") == 0;
  int has_interrupt = count == 5 && strcmp(arguments[4], "interrupt") == 0;
  size_t memory = strtoul(arguments[2], NULL, 10) << 20;
  int kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
  int machine = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
  ram = mmap(NULL, memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (ram == MAP_FAILED) err(1, "mmap");
  struct kvm_userspace_memory_region region = {.memory_size = memory, .userspace_addr = (uintptr_t)ram};
  check(ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
  if (has_interrupt) check(ioctl(machine, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
  int vcpu = check(ioctl(machine, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
  int size = check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
  struct kvm_run *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  if (area == MAP_FAILED) err(1, "mmap");

  uint64_t entry = load_elf(arguments[1], memory);
  if (count > 3) {
    strncpy((char *)ram + COMMAND_LINE, arguments[3], 2047);
    *(uint32_t *)(ram + BOOT_PARAMS + CMD_LINE_PTR) = COMMAND_LINE;
  }
  if (has_event) event_at(machine, EVENT_PORT);
  if (has_interrupt) raise_interrupts(machine);
  set_registers(vcpu, entry);
  int status = run(vcpu, area);
  flush();
  for (unsigned i = 0; i < mark_count; i++)
    fprintf(stderr, "mark %u %llu\n", marks[i].number,
            marks[i].time.tv_sec * 1000000000ull + marks[i].time.tv_nsec);
  return status;
}
