// What a deficient KVM host needs, and the probes that tell.
