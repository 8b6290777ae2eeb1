import LinuxCalls

/// What programs find: the root with a layer to write to, and what is mounted in it.
struct Machine {
  private static let noSetUser = UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC)

  private let request: SetupRequest
  /// Where the request's places are.
  private let bytes: CText
  /// The folder that is written to, where that is of a disk; else negative.
  private(set) var layer: Int32 = -1

  init(_ request: SetupRequest, _ bytes: CText) {
    self.request = request
    self.bytes = bytes
  }

  /// - Returns: why it could not be done.
  mutating func prepare() -> Failure? {
    let result = mountRoot()
    guard result == 0 else { return failure(.root, result) }
    mountKernelFolders()
    // Before anything of the host is mounted where it writes.
    setNetwork()
    setNames()
    if let failure = mountTheRest() { return failure }
    if request.options.contains(.readOnly) {
      let result = sys_mount(nil, ("/" as StaticString).path, nil, UInt(MS_REMOUNT | MS_BIND | MS_RDONLY))
      guard result == 0 else { return failure(.root, result) }
    }
    return nil
  }

  private func failure(_ step: Failure.Step, _ result: Int, detail: UInt8 = 0) -> Failure {
    Failure(step, code: UInt16(truncatingIfNeeded: -result), detail: detail)
  }

  /// The image below, what is written above, together as the root.
  private mutating func mountRoot() -> Int {
    let type: StaticString = request.root == .erofs ? "erofs" : "ext4"
    var result = sys_mount(("/dev/vda" as StaticString).path, ("/image" as StaticString).path, type.path, UInt(MS_RDONLY))
    guard result == 0 else { return result }
    if request.options.contains(.writableDisk) {
      result = sys_mount(("/dev/vdb" as StaticString).path, ("/layer" as StaticString).path, ("ext4" as StaticString).path, 0)
    } else {
      result = sys_mount(("tmpfs" as StaticString).path, ("/layer" as StaticString).path, ("tmpfs" as StaticString).path, 0)
    }
    guard result == 0 else { return result }
    if request.options.contains(.writableDisk) {
      layer = Int32(truncatingIfNeeded: openFile("/layer", O_PATH | O_DIRECTORY | O_CLOEXEC))
    }
    _ = sys_mkdir(("/layer/upper" as StaticString).path, 0o755)
    _ = sys_mkdir(("/layer/work" as StaticString).path, 0o755)
    let options: StaticString = "lowerdir=/image,upperdir=/layer/upper,workdir=/layer/work"
    let overlay: StaticString = "overlay"
    result = sys_mount_with(overlay.path, ("/root" as StaticString).path, overlay.path, 0, options.path)
    guard result == 0 else { return result }
    result = sys_chdir(("/root" as StaticString).path)
    guard result == 0 else { return result }
    moveDevices()
    let (here, root): (StaticString, StaticString) = (".", "/")
    result = sys_mount(here.path, root.path, nil, UInt(MS_MOVE))
    if result == 0 { result = sys_chroot(here.path) }
    return result
  }

  /// There is one file system of devices only: it goes where the image wants it.
  private func moveDevices() {
    let (from, to): (StaticString, StaticString) = ("/dev", "dev")
    if sys_mount(from.path, to.path, nil, UInt(MS_MOVE)) == Int(-ENOENT), sys_mkdir(to.path, 0o755) == 0 {
      _ = sys_mount(from.path, to.path, nil, UInt(MS_MOVE))
    }
  }

  private func mountKernelFolders() {
    mount("proc", on: "/proc")
    mount("sysfs", on: "/sys")
    // A kernel of the user's own need not have it.
    let (groups, place): (StaticString, StaticString) = ("cgroup2", "/sys/fs/cgroup")
    _ = sys_mount(groups.path, place.path, groups.path, Self.noSetUser)
    let folders: [StaticString] = ["/dev/pts", "/dev/shm"]
    for folder in folders { _ = sys_mkdir(folder.path, 0o755) }
    let terminals: StaticString = "devpts"
    let options: StaticString = "ptmxmode=666,mode=620,gid=5"
    _ = sys_mount_with(terminals.path, folders[0].path, terminals.path, UInt(MS_NOSUID | MS_NOEXEC), options.path)
    let memory: StaticString = "tmpfs"
    _ = sys_mount(memory.path, folders[1].path, memory.path, UInt(MS_NOSUID | MS_NODEV))
    let links: [(StaticString, StaticString)] = [
      ("/proc/self/fd", "/dev/fd"), ("/proc/self/fd/0", "/dev/stdin"), ("/proc/self/fd/1", "/dev/stdout"),
      ("/proc/self/fd/2", "/dev/stderr"),
    ]
    for (target, path) in links { _ = sys_symlink(target.path, path.path) }
  }

  private func mountTheRest() -> Failure? {
    var source = bytes + request.mountTexts
    for index in 0..<request.mountCount {
      let target = source + length(source) + 1
      defer { source = target + length(target) + 1 }
      makeFolders(target)
      let kind = SetupRequest.Mount(rawValue: bytes[request.mounts + index])
      let type: StaticString = kind == .memory ? "tmpfs" : "virtiofs"
      let flags = kind == .readOnlyShare ? UInt(MS_RDONLY) : 0
      let result = sys_mount(source, target, type.path, flags)
      if result != 0 { return failure(.mount, result, detail: UInt8(truncatingIfNeeded: index)) }
    }
    return nil
  }

  /// The loopback interface; and where there is a network, its name servers.
  private func setNetwork() {
    let socket = Int32(truncatingIfNeeded: sys_inet_datagram())
    if socket >= 0 {
      _ = sys_loopback_up(socket)
      _ = sys_close(socket)
    }
    guard request.options.contains(.network) else { return }
    // What the kernel has learnt of them.
    let (target, path): (StaticString, StaticString) = ("/proc/net/pnp", "/etc/resolv.conf")
    makeFolders(("/etc" as StaticString).path)
    _ = sys_unlink(path.path)
    _ = sys_symlink(target.path, path.path)
  }

  /// The machine's own name; and where the image has no addresses of names, that name's and localhost's.
  private func setNames() {
    let name = bytes + request.hostName
    if name.pointee != 0 { _ = sys_set_host_name(name, length(name)) }
    let path: StaticString = "/etc/hosts"
    var byte: UInt8 = 0
    let found = Int32(truncatingIfNeeded: openFile(path, O_RDONLY | O_CLOEXEC))
    let isFilled = found >= 0 && sys_read(found, &byte, 1) > 0
    if found >= 0 { _ = sys_close(found) }
    if isFilled { return }
    makeFolders(("/etc" as StaticString).path)
    let file = Int32(truncatingIfNeeded: sys_create(path.path))
    guard file >= 0 else { return }
    let addresses: StaticString = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    let own: StaticString = "127.0.1.1\t"
    _ = sys_write(file, addresses.utf8Start, addresses.utf8CodeUnitCount)
    if name.pointee != 0 {
      _ = sys_write(file, own.utf8Start, own.utf8CodeUnitCount)
      _ = sys_write(file, name, length(name))
      _ = sys_write(file, ("\n" as StaticString).utf8Start, 1)
    }
    _ = sys_close(file)
  }
}

/// Writes all out that outlives the machine. What a disk's file system is told at last spares the next mount from
/// recovering it; where programs have left it in use, all is there nevertheless.
/// - Parameter layer: ``Machine/layer``.
func settle(_ layer: Int32) {
  _ = sys_sync()
  guard layer >= 0 else { return }
  // There is no other name for it any more.
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { path in
    let prefix: StaticString = "/proc/self/fd/"
    var end = prefix.utf8CodeUnitCount
    for index in 0..<end { path[index] = prefix.utf8Start[index] }
    if layer >= 10 {
      path[end] = 0x30 + UInt8(truncatingIfNeeded: layer / 10 % 10)
      end += 1
    }
    path[end] = 0x30 + UInt8(truncatingIfNeeded: layer % 10)
    path[end + 1] = 0
    _ = sys_mount(nil, path.baseAddress, nil, UInt(MS_REMOUNT | MS_RDONLY))
  }
}

/// Makes a folder, and those above it, where they are not there.
func makeFolders(_ path: CText) {
  let slash: UInt8 = 0x2f
  let count = length(path)
  guard count > 0, sys_mkdir(path, 0o755) == Int(-ENOENT) else { return }
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count + 1) { buffer in
    guard let copy = buffer.baseAddress else { return }
    for index in 0..<count {
      copy[index] = path[index]
      guard index > 0, path[index] == slash || index == count - 1 else { continue }
      let end = path[index] == slash ? index : index + 1
      copy[end] = 0
      _ = sys_mkdir(copy, 0o755)
      copy[index] = path[index]
    }
  }
}
