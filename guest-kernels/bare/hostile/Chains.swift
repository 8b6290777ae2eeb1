import Platform

extension Attacker {
  /// Buffers where no memory is, in each place of a request.
  mutating func breakAddresses() {
    let addresses = memory.badAddresses
    violate("address-of-buffer", variants: 8 * 3) { target, variant in
      target.offer(changing: variant / 8) { part in
        part.address = addresses[variant % 8]
        part.length = max(part.length, 64)
      }
    }
    violate("length-huge", variants: 3) { target, variant in
      target.offer(changing: variant) { $0.length = 0xffff_ffff }
    }
    violate("length-sum-overflow") { target, _ in
      for entry in 0..<target.queueSize {
        let last = entry == target.queueSize - 1
        target.put(entry, target.memory.data, 0xffff_fff0, last ? 0 : DescriptorFlag.next, next: entry + 1)
      }
      target.offer(head: 0)
    }
    violate("length-zero", variants: 4) { target, variant in
      if variant < 3 { return target.offer(changing: variant) { $0.length = 0 } }
      target.put(0, 0, 0, 0)
      target.offer(head: 0)
    }
  }

  /// Chains that do not end or lead out of the table.
  mutating func breakChains() {
    let next = DescriptorFlag.next
    violate("chain-loops-on-itself") { target, _ in
      target.put(0, target.memory.data, 16, next, next: 0)
      target.offer(head: 0)
    }
    violate("chain-loops", variants: 2) { target, variant in
      let flags = next | (variant == 0 ? 0 : DescriptorFlag.write)
      for entry in 0..<target.queueSize {
        target.put(entry, target.memory.data, 1, flags, next: (entry + 1) % target.queueSize)
      }
      target.offer(head: 5)
    }
    violate("chain-leaves-table", variants: 3) { target, variant in
      let outside: UInt16 = ([target.queueSize, 0x8000, 0xffff] as [3 of UInt16])[variant]
      target.put(0, target.memory.data, 16, next, next: outside)
      target.offer(head: 0)
    }
    violate("head-outside-table", variants: 3) { target, variant in
      let outside: UInt16 = ([target.queueSize, 0x8000, 0xffff] as [3 of UInt16])[variant]
      target.offer(head: outside)
    }
    violate("same-head-many-times") { target, _ in
      for _ in 0..<target.queueSize - 1 { target.queue.push(head: 0) }
      target.offer { _ in }
    }
    violate("flags-unknown", variants: 2) { target, variant in
      target.offer { table in store16(table &+ 12, load16(table &+ 12) | (variant == 0 ? 0xfff8 : 0x8000)) }
    }
  }

  /// Requests whose buffers go the wrong way or lack a piece.
  mutating func breakRequests() {
    violate("buffers-turned-round", variants: 3) { target, variant in
      target.offer(changing: variant) { $0.writable.toggle() }
    }
    violate("writable-before-readable") { target, _ in
      let memory = target.memory
      target.put(0, memory.data, 16, DescriptorFlag.write | DescriptorFlag.next, next: 1)
      target.put(1, memory.header, 16, DescriptorFlag.next, next: 2)
      target.put(2, memory.result, 1, DescriptorFlag.write)
      target.offer(head: 0)
    }
    violate("header-short", variants: 3) { target, variant in
      target.offer(changing: 0) { $0.length = ([1, 8, 15] as [3 of UInt32])[variant] }
    }
    violate("data-not-whole-sectors", variants: 3) { target, variant in
      target.offer(changing: 1) { $0.length = ([1, 511, 513] as [3 of UInt32])[variant] }
    }
    violate("header-only", variants: 2) { target, variant in
      target.put(0, target.memory.header, 16, variant == 0 ? 0 : DescriptorFlag.write)
      target.offer(head: 0)
    }
    violate("result-only") { target, _ in
      target.put(0, target.memory.result, 1, DescriptorFlag.write)
      target.offer(head: 0)
    }
    violate("sector-outside-disk", variants: 4) { target, variant in
      store64(target.memory.header &+ 8, ([~0, 1 << 55, 1 << 63, ~0 >> 9] as [4 of UInt64])[variant])
      target.offer { _ in }
    }
    violate("request-unknown", variants: 4) { target, variant in
      store32(target.memory.header, ([2, 0x4000, 0x8000_0000, 0xffff_ffff] as [4 of UInt32])[variant])
      target.offer { _ in }
    }
  }

  /// Indirect tables, agreed on or not.
  mutating func breakIndirectTables() {
    let lengths: [6 of UInt32] = [0, 1, 15, 17, 0xffff_fff0, 0xffff_ffff]
    violate("indirect-length", variants: 6) { target, variant in
      target.offer(indirect: true) { _ in }
      target.put(0, target.queue.indirectTable, lengths[variant], DescriptorFlag.indirect)
      target.offer(head: 0)
    }
    let addresses = memory.badAddresses
    violate("indirect-address", variants: 8) { target, variant in
      target.put(0, addresses[variant], 64, DescriptorFlag.indirect)
      target.offer(head: 0)
    }
    violate("indirect-in-indirect") { target, _ in
      target.offer(indirect: true) { table in
        VirtioQueue.put(table, 0, table, 16, DescriptorFlag.indirect, next: 0)
      }
    }
    violate("indirect-with-next", variants: 2) { target, variant in
      let flags = DescriptorFlag.indirect | DescriptorFlag.next | (variant == 0 ? 0 : DescriptorFlag.write)
      target.put(0, target.queue.indirectTable, 16, flags, next: 1)
      target.put(1, target.memory.data, 16, 0)
      target.offer(head: 0)
    }
    let data = memory.data
    violate("indirect-loops", variants: 3) { target, variant in
      target.offer(indirect: true) { table in
        let next: UInt16 = ([0, 1, 0xffff] as [3 of UInt16])[variant]
        VirtioQueue.put(table, 0, data, 1, DescriptorFlag.next, next: next)
        VirtioQueue.put(table, 1, data, 1, DescriptorFlag.next, next: 0)
      }
    }
    violate("indirect-long", variants: 2) { target, variant in
      let table = target.memory.playground
      let count: UInt16 = variant == 0 ? target.queueSize + 1 : 2048
      for entry in 0..<count {
        let last = entry == count - 1
        VirtioQueue.put(table, entry, target.memory.data, 1, last ? 0 : DescriptorFlag.next, next: entry + 1)
      }
      target.put(0, table, UInt32(count) * 16, DescriptorFlag.indirect)
      target.offer(head: 0)
    }
    violate("indirect-not-agreed", features: 0) { target, _ in target.offer(indirect: true) { _ in } }
  }
}
