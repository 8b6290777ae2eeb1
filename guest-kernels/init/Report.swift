import LinuxCalls

/// What the guest sees of its machine, as text on the console.
func printReport() {
  mount("proc", on: "/proc")
  Text.print { text in
    addKernel(to: &text)
    addProcessors(to: &text)
    addMemory(to: &text)
    addDisks(to: &text)
    addRoot(to: &text)
    addConsole(to: &text)
  }
}

private func addKernel(to text: inout Text) {
  var name = new_utsname()
  guard sys_uname(&name) == 0 else { return }
  text.add("kernel   ")
  text.add(uname_system(&name))
  text.add(" ")
  text.add(uname_release(&name))
  text.add(" ")
  text.add(uname_machine(&name))
  text.add("\n")
}

private func addProcessors(to text: inout Text) {
  var mask: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
  guard sys_affinity(&mask, MemoryLayout.size(ofValue: mask)) > 0 else { return }
  let count = withUnsafeBytes(of: mask) { $0.reduce(0) { $0 + $1.nonzeroBitCount } }
  text.add("cpus     ")
  text.add(count)
  text.add("\n")
}

private func addMemory(to text: inout Text) {
  var info = sysinfo()
  guard sys_sysinfo(&info) == 0 else { return }
  text.add("memory   ")
  text.add(Int(info.totalram) * Int(info.mem_unit) / (1 << 20))
  text.add(" MiB\n")
}

private func addDisks(to text: inout Text) {
  forEachLine(of: "/proc/partitions") { line in  // major, minor, KiB, name
    _ = line.nextWord()
    _ = line.nextWord()
    let kibibytes = line.nextNumber()
    guard kibibytes > 0 else { return }  // the heading and the empty line after it
    text.add("disk     ")
    text.add(line.nextWord())
    text.add(", ")
    text.add(kibibytes: kibibytes)
    text.add("\n")
  }
}

private func addRoot(to text: inout Text) {
  var info = statfs()
  guard sys_statfs(("/" as StaticString).path, &info) == 0 else { return }
  let readOnly = info.f_flags & 1 != 0  // ST_RDONLY
  text.add("root     ")
  text.add(fileSystemName(info.f_type))
  text.add(readOnly ? ", read-only\n" : ", writable\n")
}

private func fileSystemName(_ magic: Int) -> StaticString {
  switch Int32(truncatingIfNeeded: magic) {
  case EXT4_SUPER_MAGIC: "ext4"
  case Int32(bitPattern: UInt32(EROFS_SUPER_MAGIC_V1)): "erofs"
  case TMPFS_MAGIC: "tmpfs"
  case Int32(bitPattern: UInt32(RAMFS_MAGIC)): "ramfs"
  case SQUASHFS_MAGIC: "squashfs"
  case OVERLAYFS_SUPER_MAGIC: "overlay"
  case FUSE_SUPER_MAGIC: "fuse"
  default: "another file system"
  }
}

private func addConsole(to text: inout Text) {
  var size = winsize()
  text.add("console  ")
  guard sys_window_size(1, &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
    return text.add("size unknown\n")
  }
  text.add(Int(size.ws_col))
  text.add(" columns, ")
  text.add(Int(size.ws_row))
  text.add(" lines\n")
}
