// PVH entry (XEN_ELFNOTE_PHYS32_ENTRY): 32-bit protected mode, paging off, %ebx = hvm_start_info.
// Goes to long mode with the first 8 MiB identity mapped, enough for a guest that touches only itself.

#define START_INFO_CMDLINE 24
#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define PTE_TABLE 0x3  // present, writable
#define PTE_LARGE 0x83 // present, writable, 2 MiB
#define CR0_PE_PG 0x80000001
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

  .section .note.pvh, "a", @note
  .balign 4
  .long 4 // name size
  .long 4 // descriptor size
  .long XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .long pvh_start

  .text
  .code32
pvh_start:
  movl $pdpt + PTE_TABLE, pml4
  movl $pd + PTE_TABLE, pdpt
  movl $0 + PTE_LARGE, pd
  movl $0x200000 + PTE_LARGE, pd + 8
  movl $0x400000 + PTE_LARGE, pd + 16
  movl $0x600000 + PTE_LARGE, pd + 24
  mov $CR4_PAE, %eax
  mov %eax, %cr4
  mov $pml4, %eax
  mov %eax, %cr3
  mov $MSR_EFER, %ecx
  mov $EFER_LME, %eax
  xor %edx, %edx
  wrmsr
  mov $CR0_PE_PG, %eax
  mov %eax, %cr0
  lgdt gdt_pointer
  ljmp $0x10, $long_mode

  .code64
long_mode:
  mov $0x18, %eax
  mov %eax, %ss
  mov START_INFO_CMDLINE(%rbx), %rdi
  xor %esi, %esi
  jmp start_with_command_line

  .section .rodata.gdt, "a", @progbits
  .balign 8
gdt:
  .quad 0
  .quad 0
  .quad 0x00af9b000000ffff // 0x10: 64-bit code
  .quad 0x00cf93000000ffff // 0x18: data
gdt_pointer:
  .word . - gdt - 1
  .long gdt

  .section .bss.page_tables, "aw", @nobits
  .balign 4096
pml4: .skip 4096
pdpt: .skip 4096
pd: .skip 4096

  .section .note.GNU-stack, "", @progbits
