// The devices a guest sees, without system calls and without KVM.
