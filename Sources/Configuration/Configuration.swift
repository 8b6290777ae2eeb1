// The machine description that swiftlet hands to swiftlet-vmm.
