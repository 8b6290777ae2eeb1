import Boot
public import Configuration
import Digests
import Glibc
public import LinuxSystem

/// Makes any kernel file one the monitor can map: an ELF stays as it is, a bzImage's payload is unpacked once
/// and kept under the digest of the payload, or where nothing may be kept, unpacked to memory each time.
public struct KernelCache: Sendable {
  /// The folder the unpacked kernels are in; nil keeps none.
  public let folder: String?

  public init(folder: String?) { self.folder = folder }

  /// The cache of the person who runs this: `${XDG_CACHE_HOME:-~/.cache}/swiftlet/kernels`.
  public static func ofUser(environment: (String) -> String?) -> KernelCache {
    if let base = environment("XDG_CACHE_HOME"), base.hasPrefix("/") {
      return KernelCache(folder: "\(base)/swiftlet/kernels")
    }
    return KernelCache(folder: environment("HOME").map { "\($0)/.cache/swiftlet/kernels" })
  }

  /// The kernel in `file`, which a person named `path`, as the monitor can load it.
  public func prepare(
    _ file: consuming FileDescriptor, path: String
  ) throws(Diagnostic) -> MachineDescription.Kernel {
    let source: FileSource
    do throws(SystemError) { source = try FileSource(file) } catch { throw badKernel(path, "\(error)") }
    switch try KernelCache.image(in: source, name: path) {
    case .elf: return .path(path)
    case .bzImage(let image):
      let payload = try Payload(of: image, in: source, name: path)
      return try store(payload, name: path)
    }
  }

  private static func image(in source: some ImageSource, name: String) throws(Diagnostic) -> KernelImage {
    do throws(ImageError) {
      return try KernelImage(reading: source)
    } catch {
      throw badKernel(name, "\(error)")
    }
  }

  private func store(_ payload: Payload, name: String) throws(Diagnostic) -> MachineDescription.Kernel {
    let kept = folder.map { "\($0)/\(SHA256.hexadecimal(of: payload.bytes)).vmlinux" }
    if let kept, KernelCache.isELF(kept) { return .path(kept) }
    let memory = try payload.unpack(name: name)
    if let folder, let kept {
      // What keeps a kernel from being kept (no permission, no room) does not keep it from being booted.
      if (try? KernelCache.keep(memory, in: folder, as: kept)) != nil, KernelCache.isELF(kept) {
        return .path(kept)
      }
    }
    do throws(SystemError) {
      let file = try FileDescriptor(memoryFile: "vmlinux", inherited: true)
      try KernelCache.write(memory, to: file)
      let source = try FileSource(try file.duplicate())
      if case .elf = try? KernelImage(reading: source) { return .descriptor(file.release(), name: name) }
    } catch {
      throw Diagnostic(.hostResource, "no memory to unpack the kernel", which: name, mend: "\(error)")
    }
    throw badKernel(name, "is corrupt: its payload is no ELF; copy or build it again")
  }

  private static func isELF(_ path: String) -> Bool {
    guard let file = try? FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW), isOwn(file),
      let source = try? FileSource(file), case .elf = try? KernelImage(reading: source)
    else { return false }
    return true
  }

  /// Whether nobody but this user, and root, can have written a file.
  private static func isOwn(_ file: borrowing FileDescriptor) -> Bool {
    var status = stat()
    guard fstat(file.raw, &status) == 0 else { return false }
    return (status.st_uid == geteuid() || status.st_uid == 0) && status.st_mode & (S_IWGRP | S_IWOTH) == 0
  }

  /// Gives the file its name only when it is whole and on stable storage. Until then it has none, so nothing
  /// is left behind however this ends.
  private static func keep(
    _ memory: borrowing MappedMemory, in folder: String, as path: String
  ) throws(SystemError) {
    try FileDescriptor.makeFolders(folder)
    let file = try FileDescriptor(unnamedIn: folder, mode: 0o644)
    try write(memory, to: file)
    try file.synchronize()
    if try file.link(as: path) || isELF(path) { return }
    // A damaged one is in the way. The name never stands for nothing: another monitor may be about to open it.
    let other = "\(path).\(getpid())"
    unlink(other)
    guard try file.link(as: other) else { return }
    let result = rename(other, path)
    let code = errno
    guard result == 0 else {
      unlink(other)
      throw SystemError(call: "rename", operand: path, code: code)
    }
  }

  private static func write(
    _ memory: borrowing MappedMemory, to file: borrowing FileDescriptor
  ) throws(SystemError) {
    var rest = UnsafeRawBufferPointer(start: memory.base, count: memory.count)[...]
    while !rest.isEmpty { rest = rest.dropFirst(try file.write(UnsafeRawBufferPointer(rebasing: rest))) }
  }
}
