// What a guest that drives devices needs beyond start.S: the first 4 GiB mapped, a GDT of its own, an IDT
// with one counting interrupt handler at vector 0x40, and a report instead of a triple fault.

#define PTE_TABLE 0x3   // present, writable
#define PTE_LARGE 0x83  // present, writable, 2 MiB
#define PTE_DEVICE 0x9b // the same, write-through and cache off
#define LAPIC_EOI 0xfee000b0
#define VECTOR_DEVICE 0x40
#define GATE_INTERRUPT 0x8e00

  .text
  .globl machine_start
machine_start:
  mov $pml4, %eax
  mov %rax, %cr3
  lgdt gdt_pointer(%rip)
  lea idt(%rip), %rdi
  lea exception_stubs(%rip), %rax
  mov $32, %ecx
1:
  call set_gate
  add $16, %rdi
  add $16, %rax // each stub is 16 bytes
  dec %ecx
  jnz 1b
  lea idt + VECTOR_DEVICE * 16(%rip), %rdi
  lea device_interrupt(%rip), %rax
  call set_gate
  lidt idt_pointer(%rip)
  ret

// %rdi = gate, %rax = handler below 4 GiB.
set_gate:
  mov %ax, (%rdi)
  movw $0x10, 2(%rdi)
  movw $GATE_INTERRUPT, 4(%rdi)
  mov %rax, %rdx
  shr $16, %rdx
  mov %dx, 6(%rdi)
  ret

device_interrupt:
  push %rax
  incq interrupt_count(%rip)
  mov $LAPIC_EOI, %eax
  movl $0, (%rax)
  pop %rax
  iretq

// Vectors 8, 10 to 14, 17, 21, 29 and 30 push an error code themselves.
  .balign 16
exception_stubs:
  .set vector, 0
  .rept 32
  .balign 16
  .if !((1 << vector) & 0x60227d00)
  push $0
  .endif
  push $vector
  jmp exception
  .set vector, vector + 1
  .endr

exception:
  pop %rdi // vector
  pop %rsi // error code
  pop %rdx // RIP
  and $-16, %rsp
  call guest_exception
  jmp power_off_with_al

  .data
  .balign 4096
  .globl pml4
pml4:
  .quad pdpt + PTE_TABLE
  .fill 511, 8, 0
pdpt:
  .quad pd + PTE_TABLE
  .quad pd + 0x1000 + PTE_TABLE
  .quad pd + 0x2000 + PTE_TABLE
  .quad pd + 0x3000 + PTE_TABLE
  .fill 508, 8, 0
pd:
  .set frame, 0
  .rept 1536 // RAM up to the MMIO hole at 3 GiB
  .quad frame + PTE_LARGE
  .set frame, frame + 0x200000
  .endr
  .rept 512
  .quad frame + PTE_DEVICE
  .set frame, frame + 0x200000
  .endr

  .balign 8
  .globl gdt
gdt:
  .quad 0
  .quad 0
  .quad 0x00af9b000000ffff // 0x10: 64-bit code
  .quad 0x00cf93000000ffff // 0x18: data
gdt_pointer:
  .word . - gdt - 1
  .quad gdt
idt_pointer:
  .word (VECTOR_DEVICE + 1) * 16 - 1
  .quad idt

  .bss
  .balign 16
idt: .skip (VECTOR_DEVICE + 1) * 16
  .globl interrupt_count
interrupt_count: .skip 8

  .section .note.GNU-stack, "", @progbits
