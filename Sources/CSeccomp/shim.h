// What Swift cannot import of libseccomp: its actions, which are function-like macros.
#pragma once
#include <seccomp.h>

enum : uint32_t {
  CSECCOMP_TRAP = SCMP_ACT_TRAP,
  CSECCOMP_ALLOW = SCMP_ACT_ALLOW,
  CSECCOMP_KILL_PROCESS = SCMP_ACT_KILL_PROCESS,
  CSECCOMP_ARCH_X86_64 = SCMP_ARCH_X86_64,
};
