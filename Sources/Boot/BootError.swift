/// Why a kernel could not be placed in a machine's memory. Descriptions are complete sentences without a file name.
public enum BootError: Error, Equatable, Sendable, CustomStringConvertible {
  case kernel(ImageError)
  case initrd(ImageError)
  /// A bzImage: the monitor enters unpacked kernels only.
  case packedKernel
  /// The kernel's range in memory and where RAM ends, in bytes.
  case kernelOutsideMemory(Range<UInt64>, memory: UInt64)
  /// The kernel starts at this address, below what it may use.
  case kernelTooLow(UInt64)
  case entryOutsideKernel(UInt64)
  /// The initrd's size and the room above the kernel, in bytes.
  case initrdTooLarge(size: UInt64, room: UInt64)
  case commandLine(String)
  case processorCount(Int)
  /// A description of the machine that outgrew its place.
  case tableTooLarge(String)
  case deviceTree(String)

  public var description: String {
    switch self {
    case .kernel(let error): "the kernel \(error)"
    case .initrd(let error): "the initrd \(error)"
    case .packedKernel: "the kernel is a bzImage, which must be unpacked first: give its vmlinux"
    case .kernelOutsideMemory(let range, let memory):
      "the kernel takes memory up to \(mebibytes(range.upperBound)) but the machine has"
        + " \(mebibytes(memory, rounding: .down)): give it more memory"
    case .kernelTooLow(let address):
      "the kernel wants to be at 0x\(String(address, radix: 16)), below 1 MiB: link it at 0x100000 or higher"
    case .entryOutsideKernel(let address):
      "the kernel's entry point 0x\(String(address, radix: 16)) is not in any of its segments: give a linked vmlinux"
    case .initrdTooLarge(let size, let room):
      "the initrd of \(mebibytes(size)) does not fit in the \(mebibytes(room, rounding: .down)) above the kernel:"
        + " give the machine more memory"
    case .commandLine(let reason): "the kernel command line \(reason)"
    case .processorCount(let count):
      "\(count) processors are outside 1 to \(X86Layout.maximumCPUs)"
    case .tableTooLarge(let table): "the \(table) does not fit in its place: use fewer processors or devices"
    case .deviceTree(let reason): "the device tree cannot be written: \(reason)"
    }
  }
}

/// A size in MiB with at most one decimal. What is needed is rounded up, so that giving it is enough.
private func mebibytes(_ bytes: UInt64, rounding: FloatingPointRoundingRule = .up) -> String {
  let tenths = UInt64((Double(bytes) * 10 / 1_048_576).rounded(rounding))
  return tenths % 10 == 0 ? "\(tenths / 10) MiB" : "\(tenths / 10).\(tenths % 10) MiB"
}
