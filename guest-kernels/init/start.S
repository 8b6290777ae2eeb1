// Process entry and the one call that needs a second stack.

#include <asm/unistd.h>

#define SIGCHLD 17
#define CLONE_VM 0x100
#define CLONE_VFORK 0x4000

  .text
  .globl _start
_start:
  mov (%rsp), %rdi     // argument count
  lea 8(%rsp), %rsi    // arguments
  lea 8(%rsi,%rdi,8), %rdx // environment
  and $-16, %rsp
  call init_main
  ud2

// long spawn(void *argument): vfork onto child_stack, so that the child cannot disturb the caller's frames.
  .globl spawn
spawn:
  mov %rdi, %r9
  mov $__NR_clone, %eax
  mov $CLONE_VM | CLONE_VFORK | SIGCHLD, %edi
  lea child_stack_top(%rip), %rsi
  xor %edx, %edx
  xor %r10d, %r10d
  xor %r8d, %r8d
  syscall
  test %rax, %rax
  jz 1f
  ret
1:
  mov %r9, %rdi
  call child_main
  ud2

  .bss
  .balign 16
  .skip 16384
child_stack_top:

  .section .note.GNU-stack, "", @progbits
