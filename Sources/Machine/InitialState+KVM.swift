import Boot
import CKVM
import KVM
import LinuxSystem

/// Gives a processor the registers that the boot protocol wants.
extension InitialState {
  func apply(to vcpu: borrowing VCPU) throws(SystemError) {
    var special = try vcpu.specialRegisters()
    special.cs = cs.kvm
    (special.ds, special.es, special.fs, special.gs, special.ss) = (
      data.kvm, data.kvm, data.kvm, data.kvm, data.kvm
    )
    special.tr = tr.kvm
    (special.gdt.base, special.gdt.limit) = (gdt.base, gdt.limit)
    (special.idt.base, special.idt.limit) = (idt.base, idt.limit)
    (special.cr0, special.cr3, special.cr4, special.efer) = (cr0, cr3, cr4, efer)
    try vcpu.setSpecialRegisters(special)
    var registers = kvm_regs()
    (registers.rip, registers.rsp, registers.rsi, registers.rbx) = (rip, rsp, rsi, rbx)
    registers.rflags = rflags
    try vcpu.setRegisters(registers)
  }
}

extension Segment {
  fileprivate var kvm: kvm_segment {
    var value = kvm_segment()
    (value.base, value.limit, value.selector) = (base, limit, selector)
    (value.type, value.present, value.dpl) = (type, present ? 1 : 0, dpl)
    (value.db, value.s, value.l, value.g) = (db ? 1 : 0, s ? 1 : 0, l ? 1 : 0, g ? 1 : 0)
    return value
  }
}
