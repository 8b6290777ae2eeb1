// The KVM API as Swift types, one per descriptor kind. No policy.
