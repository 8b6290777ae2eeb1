import LinuxCalls

/// Who a program runs as: `user[:group]`, names or numbers, looked up in the image's own files.
struct Account {
  private static let groupLimit = 32
  private static let homeLimit = 256
  private static let colon: UInt8 = 0x3a

  private(set) var user: UInt32 = 0
  private(set) var group: UInt32 = 0
  private(set) var groupCount = 0
  private var groups = InlineArray<32, UInt32>(repeating: 0)
  /// "HOME=" and the home directory, with a zero byte behind.
  private var home = InlineArray<264, UInt8>(repeating: 0)

  /// - Parameter text: empty for root.
  init(_ text: CText) throws(Failure) {
    setHome(("/root" as StaticString).path)
    guard text.pointee != 0 else { return }
    var end = text
    while end.pointee != 0, end.pointee != Account.colon { end += 1 }
    let groupText = end.pointee == 0 ? nil : end + 1
    try findUser(text, count: end - text, takesGroups: groupText == nil)
    if let groupText { try findGroup(groupText) }
  }

  /// Of passwd(5): name, password, number, group, comment, home.
  private mutating func findUser(_ text: CText, count: Int, takesGroups: Bool) throws(Failure) {
    let number = decimal(text, count: count)
    var isFound = false
    var (user, group) = (number ?? 0, UInt32(0))
    if number != nil { setHome(("/" as StaticString).path) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Account.homeLimit) { name in
      name[0] = 0
      forEachLine(of: "/etc/passwd") { line in
        let found = line.nextField()
        _ = line.nextField()
        guard !isFound, let its = decimal(line.nextField()),
          number.map({ $0 == its }) ?? equal(found, text, count: count)
        else { return }
        isFound = true
        user = its
        group = decimal(line.nextField()) ?? 0
        _ = line.nextField()
        setHome(line.nextField())
        let length = min(length(found), name.count - 1)
        for index in 0..<length { name[index] = found[index] }
        name[length] = 0
      }
      if isFound, takesGroups, let name = name.baseAddress { findGroups(of: name) }
    }
    guard isFound || number != nil else { throw Failure(.user) }
    (self.user, self.group) = (user, group)
  }

  /// Of group(5): name, password, number, members.
  private mutating func findGroup(_ text: CText) throws(Failure) {
    let count = length(text)
    if let number = decimal(text, count: count) {
      group = number
      return
    }
    var number: UInt32?
    forEachLine(of: "/etc/group") { line in
      let name = line.nextField()
      _ = line.nextField()
      guard equal(name, text, count: count) else { return }
      number = decimal(line.nextField())
    }
    guard let number else { throw Failure(.group) }
    group = number
  }

  private mutating func findGroups(of user: CText) {
    let comma: UInt8 = 0x2c
    forEachLine(of: "/etc/group") { line in
      _ = line.nextField()
      _ = line.nextField()
      guard let number = decimal(line.nextField()) else { return }
      var member: CText = CText(line.nextField())
      while member.pointee != 0, groupCount < Account.groupLimit {
        var end = member
        while end.pointee != 0, end.pointee != comma { end += 1 }
        if equal(user, member, count: end - member) {
          groups[groupCount] = number
          groupCount += 1
          return
        }
        member = end.pointee == 0 ? end : end + 1
      }
    }
  }

  private mutating func setHome(_ path: CText) {
    let name: StaticString = "HOME="
    for index in 0..<5 { home[index] = name.utf8Start[index] }
    let count = min(length(path), Account.homeLimit)
    for index in 0..<count { home[5 + index] = path[index] }
    home[5 + count] = 0
  }

  /// Adds the home directory to an environment that has none, and has room for it.
  func completeHome(_ environment: UnsafeMutablePointer<CText?>, count: Int) {
    guard value(of: "HOME=", in: environment) == nil, let text = home_text() else { return }
    for index in 0..<264 { text[index] = home[index] }
    environment[count] = CText(text)
    environment[count + 1] = nil
  }

  /// Makes the calling process this user's.
  /// - Returns: 0, or the failure.
  func become() -> Int {
    var groups = groups
    var result = withUnsafePointer(to: &groups) { pointer in
      pointer.withMemoryRebound(to: UInt32.self, capacity: 32) { sys_set_groups(groupCount, $0) }
    }
    if result == 0 { result = sys_set_group(group) }
    if result == 0 { result = sys_set_user(user) }
    return result
  }
}

/// The number that is all of a text; nil where it is none of 32 bits.
private func decimal(_ text: CText, count: Int) -> UInt32? {
  guard count > 0, count <= 10 else { return nil }
  var number: UInt64 = 0
  for index in 0..<count {
    let digit = text[index] &- 0x30
    guard digit < 10 else { return nil }
    number = number * 10 + UInt64(digit)
  }
  return UInt32(exactly: number)
}

private func decimal(_ text: CText) -> UInt32? { decimal(text, count: length(text)) }

/// Whether `text` is the first `count` bytes of `other`.
private func equal(_ text: CText, _ other: CText, count: Int) -> Bool {
  for index in 0..<count where text[index] != other[index] || text[index] == 0 { return false }
  return text[count] == 0
}
