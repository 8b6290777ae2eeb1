/// What is told in words, as a name and a text each.
typealias Fact = (name: String, text: String)

extension Conditions {
  /// At the start and at the end.
  var loadText: String { "\(fixed(loadAtStart, 2)), then \(fixed(loadAtEnd, 2))" }

  var otherWorkText: String? { otherWork.map { "\(fixed(100 * $0, 0)) % of the processors' time" } }

  /// All but warnings, in the order of their weight.
  var facts: [Fact] {
    var facts = [
      ("date", date), ("host kernel", hostKernel), ("processor", "\(processors) x \(processor)"),
      ("measured by", command.joined(separator: " ")), ("Swiftlet", swiftlet),
    ]
    if runs > 0 { facts.append(("runs", "\(runs) after \(warmUps) to warm up")) }
    facts.append(("load average", loadText))
    if let otherWorkText { facts.append(("other work", otherWorkText)) }
    if let cache { facts.append(("caches", cache)) }
    if let kernel { facts.append(("guest kernel", "\(kernel), SHA-256 \(kernelSHA256 ?? "unknown")")) }
    if let seed { facts.append(("seed of the order", "\(seed)")) }
    return facts + kvm.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}

extension Contestant {
  /// How it was started, and why it was not or did not end as it should; how much it took besides time.
  var facts: [Fact] {
    var facts: [Fact] = command.isEmpty ? [] : [("command", command.joined(separator: " "))]
    func add(_ name: String, _ text: String?) { if let text { facts.append((name, text)) } }
    add("version", version)
    add("absent", absence)
    add("fails", failure)
    for (part, reason) in (notMeasured ?? [:]).sorted(by: { $0.key < $1.key }) { add(part, reason) }
    add("isolation", isolation)
    add("own kernel", hasOwnKernel.map { $0 ? "yes" : "no" })
    add("threads", threads.map { "\($0)" })
    add("peak memory, bytes", peakMemory.map { "\($0)" })
    add("memory beyond guest RAM, bytes", memoryBeyondGuest.map { "\($0)" })
    add("on disk, bytes", diskBytes.map { "\($0)" })
    return facts
  }
}
