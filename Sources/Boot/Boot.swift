// Kernel images, hardware tables and initial register values, as values: no system call, no KVM.
