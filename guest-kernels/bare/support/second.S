// The start of a second processor: by INIT and SIPI it begins in real mode at a page below 1 MiB, and takes the page
// tables and the GDT of machine.S.

#define PAGE 8 // boot_params lies below, the monitor's page tables above
#define CR0_LONG 0x80000011 // paging, ET, protected
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

  .section .text.second, "ax"
  .globl prepare_second_processor
prepare_second_processor: // %rdi = what it is to do; returns the page's number
  mov %rdi, second_body(%rip)
  lea second_begin(%rip), %rsi
  mov $PAGE << 12, %edi
  mov $second_end - second_begin, %ecx
  rep movsb
  mov $PAGE, %eax
  ret

second_main:
  mov $0x18, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  mov $second_stack_top, %esp
  call *second_body(%rip)
1:
  cli
  hlt
  jmp 1b

  .code16
second_begin:
  cli
  mov %cs, %ax
  mov %ax, %ds
  lgdtl second_gdt_pointer - second_begin
  mov $CR4_PAE, %eax
  mov %eax, %cr4
  mov $pml4, %eax
  mov %eax, %cr3
  mov $MSR_EFER, %ecx
  rdmsr
  or $EFER_LME, %eax
  wrmsr
  mov $CR0_LONG, %eax
  mov %eax, %cr0
  ljmpl $0x10, $second_main
  .balign 4
second_gdt_pointer:
  .word 31
  .long gdt
second_end:
  .code64

  .section .bss.second, "aw", @nobits
  .balign 16
second_body: .skip 8
  .skip 0x4000
second_stack_top:

  .section .note.GNU-stack, "", @progbits
