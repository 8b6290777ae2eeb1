import LinuxCalls

/// Mounts a file system without a device. True when it is there afterwards; says so when it is not.
@discardableResult
func mount(_ type: StaticString, on target: StaticString) -> Bool {
  var result = sys_mount(type.path, target.path, type.path, 0)
  if result == Int(-ENOENT) {
    result = sys_mkdir(target.path, 0o755)
    if result == 0 { result = sys_mount(type.path, target.path, type.path, 0) }
  }
  if result == 0 || result == Int(-EBUSY) { return true }
  Text.print {
    $0.add("init: cannot mount ")
    $0.add(type)
    $0.add(" on ")
    $0.add(target)
    $0.add(": ")
    $0.add(failure: result)
    $0.add("\n")
  }
  return false
}

/// Brings all that was written to disks and makes their file systems read-only, so that the next mount
/// finds them clean. What cannot be made read-only has at least been written.
func settleDisks() {
  var synced = false
  forEachLine(of: "/proc/mounts") { line in
    let device = line.nextWord()
    let target = line.nextWord()
    _ = line.nextWord()  // type
    guard hasPrefix(device, "/dev/"), hasPrefix(line.nextWord(), "rw") else { return }
    if !synced { _ = sys_sync() }
    synced = true
    undoEscapes(target)
    _ = sys_mount(nil, target, nil, UInt(MS_REMOUNT | MS_RDONLY))
  }
}

/// /proc/mounts writes a space in a path as a backslash and three octal digits.
private func undoEscapes(_ path: UnsafeMutablePointer<UInt8>) {
  let backslash: UInt8 = 0x5c
  var from = path
  var to = path
  while from.pointee != 0 {
    if from.pointee == backslash, from[1] != 0, from[2] != 0, from[3] != 0 {
      to.pointee = (from[1] & 7) << 6 | (from[2] & 7) << 3 | from[3] & 7
      from += 4
    } else {
      to.pointee = from.pointee
      from += 1
    }
    to += 1
  }
  to.pointee = 0
}
