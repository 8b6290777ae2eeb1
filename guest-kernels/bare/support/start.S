// 64-bit Linux boot protocol entry: long mode, identity map, %rsi = boot_params, interrupts off.
// Calls guest_main(%rdi = command line or 0, %rsi = boot_params or 0); what it returns becomes the
// workload status, then the machine is powered off.

#define BOOT_PARAMS_CMD_LINE_PTR 0x228
#define PORT_SLEEP_CONTROL 0x600
#define PORT_WORKLOAD_STATUS 0x602
#define SLEEP_S5 0x34 // SLP_EN | SLP_TYP 5

  .text
  .globl _start
_start:
  mov BOOT_PARAMS_CMD_LINE_PTR(%rsi), %edi

  .globl start_with_command_line
start_with_command_line:
  mov $stack_top, %esp
  call guest_main

  .globl power_off_with_al
power_off_with_al:
  mov $PORT_WORKLOAD_STATUS, %edx
  out %al, %dx
  mov $SLEEP_S5, %al
  mov $PORT_SLEEP_CONTROL, %edx
  out %al, %dx
1:
  cli
  hlt
  jmp 1b

  .section .note.GNU-stack, "", @progbits
