// The KVM API of <linux/kvm.h>, and what Swift cannot import from it: request numbers, flags made by shifts,
// members of anonymous unions at run-time offsets, and trailing flexible arrays.
#pragma once
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

enum : unsigned long {
  CKVM_GET_API_VERSION = KVM_GET_API_VERSION,
  CKVM_CREATE_VM = KVM_CREATE_VM,
  CKVM_CHECK_EXTENSION = KVM_CHECK_EXTENSION,
  CKVM_GET_VCPU_MMAP_SIZE = KVM_GET_VCPU_MMAP_SIZE,
  CKVM_GET_SUPPORTED_CPUID = KVM_GET_SUPPORTED_CPUID,
  CKVM_SET_USER_MEMORY_REGION = KVM_SET_USER_MEMORY_REGION,
  CKVM_SET_TSS_ADDR = KVM_SET_TSS_ADDR,
  CKVM_SET_IDENTITY_MAP_ADDR = KVM_SET_IDENTITY_MAP_ADDR,
  CKVM_ENABLE_CAP = KVM_ENABLE_CAP,
  CKVM_CREATE_VCPU = KVM_CREATE_VCPU,
  CKVM_SIGNAL_MSI = KVM_SIGNAL_MSI,
  CKVM_X86_SET_MSR_FILTER = KVM_X86_SET_MSR_FILTER,
  CKVM_RUN = KVM_RUN,
  CKVM_GET_REGS = KVM_GET_REGS,
  CKVM_SET_REGS = KVM_SET_REGS,
  CKVM_GET_SREGS = KVM_GET_SREGS,
  CKVM_SET_SREGS = KVM_SET_SREGS,
  CKVM_GET_MSRS = KVM_GET_MSRS,
  CKVM_SET_MSRS = KVM_SET_MSRS,
  CKVM_GET_FPU = KVM_GET_FPU,
  CKVM_SET_FPU = KVM_SET_FPU,
  CKVM_GET_XSAVE = KVM_GET_XSAVE,
  CKVM_SET_XSAVE = KVM_SET_XSAVE,
  CKVM_GET_XCRS = KVM_GET_XCRS,
  CKVM_SET_CPUID2 = KVM_SET_CPUID2,
  CKVM_GET_CPUID2 = KVM_GET_CPUID2,
  CKVM_GET_LAPIC = KVM_GET_LAPIC,
  CKVM_SET_LAPIC = KVM_SET_LAPIC,
  CKVM_GET_MP_STATE = KVM_GET_MP_STATE,
  CKVM_SET_MP_STATE = KVM_SET_MP_STATE,
  CKVM_GET_VCPU_EVENTS = KVM_GET_VCPU_EVENTS,
  CKVM_SET_VCPU_EVENTS = KVM_SET_VCPU_EVENTS,
  CKVM_TRANSLATE = KVM_TRANSLATE,
  CKVM_NMI = KVM_NMI,
  CKVM_GET_TSC_KHZ = KVM_GET_TSC_KHZ,
  CKVM_GET_STATS_FD = KVM_GET_STATS_FD,
};

enum : unsigned int {
  CKVM_MSR_EXIT_REASON_FILTER = KVM_MSR_EXIT_REASON_FILTER,
  CKVM_MSR_FILTER_WRITE = KVM_MSR_FILTER_WRITE,
  CKVM_MSR_FILTER_READ = KVM_MSR_FILTER_READ,
};

// struct kvm_cpuid2 and struct kvm_msrs end in flexible arrays, which do not import.
enum { CKVM_CPUID_CAPACITY = 256, CKVM_MSR_CAPACITY = 16 };
struct ckvm_cpuid {
  struct kvm_cpuid2 header;
  struct kvm_cpuid_entry2 entries[CKVM_CPUID_CAPACITY];
};
struct ckvm_msr {
  struct kvm_msrs header;
  struct kvm_msr_entry entry;
};

static inline struct kvm_cpuid_entry2 *_Nonnull ckvm_cpuid_entries(struct kvm_cpuid2 *_Nonnull cpuid) {
  return cpuid->entries;
}
