public import GuestMemory

/// What to boot, beyond the kernel's own file.
public struct BootPlan: Sendable {
  /// 1 to ``X86Layout/maximumCPUs``.
  public var cpuCount: Int
  /// In the order of the devices.
  public var virtio: [VirtioWindow]
  public var hasSerial: Bool
  /// Complete, but for what the description adds.
  public var commandLine: KernelCommandLine
  public var description: HardwareDescription
  /// Secret bytes for the guest's random number generator, 32 of them; none for a guest that shall not be given any.
  public var randomSeed: [UInt8]

  public init(
    cpuCount: Int, virtio: [VirtioWindow], hasSerial: Bool, commandLine: KernelCommandLine,
    description: HardwareDescription, randomSeed: [UInt8]
  ) {
    self.cpuCount = cpuCount
    self.virtio = virtio
    self.hasSerial = hasSerial
    self.commandLine = commandLine
    self.description = description
    self.randomSeed = randomSeed
  }
}

/// A kernel in guest memory, ready to run.
public struct LoadedKernel: Sendable {
  public let initialState: InitialState
  public let layout: MachineLayout
  /// Whether the image says it is Linux.
  public let isLinux: Bool
}

/// Brings a kernel, its initrd and the description of the machine into guest memory.
public enum BootLoader {
  /// - Parameter memory: fresh, so zero wherever an image has no bytes of its own.
  /// - Throws: what does not fit or cannot be read. Guest memory is then in no defined state.
  public static func load(
    _ plan: BootPlan, kernel: some LoadableImage, initrd: (any LoadableImage)?, into memory: GuestMemory
  ) throws(BootError) -> LoadedKernel {
    guard (1...X86Layout.maximumCPUs).contains(plan.cpuCount) else { throw .processorCount(plan.cpuCount) }
    let image = try elf(in: kernel)
    let ranges = memory.ranges.map { $0.start.value..<($0.start.value + $0.count) }
    try load(image, from: kernel, into: memory, end: ranges[0].upperBound)
    let ramdisk = try load(initrd, above: image.physicalRange, in: ranges, into: memory)

    var commandLine = plan.commandLine
    if plan.description == .mpTable { commandLine.append(plan.virtio) }
    let layout = MachineLayout(
      memory: ranges, cpuCount: plan.cpuCount, virtio: plan.virtio, hasSerial: plan.hasSerial,
      kernel: image.physicalRange, initrd: ramdisk, commandLine: commandLine.text)

    try write(commandLine.encoded(), at: X86Layout.commandLine, into: memory)
    let description = try DescriptionTables(layout, plan.description)
    for table in description.tables { try write(table.bytes, at: table.address, into: memory) }
    let state: InitialState
    if let entry = image.pvhEntry, !image.isLinux {
      guard image.contains(UInt64(entry)) else { throw .entryOutsideKernel(UInt64(entry)) }
      state = .pvh(entry: entry)
      try write(
        StartInfo.encoded(layout, rootPointer: description.rootPointer), at: X86Layout.startInfo,
        into: memory)
    } else {
      guard image.contains(image.entry) else { throw .entryOutsideKernel(image.entry) }
      state = .linux64(entry: image.entry)
      try writeLinuxParameters(layout, description, seed: plan.randomSeed, into: memory)
    }
    try write(SegmentTables.encoded(code: state.cs), at: X86Layout.segmentTable, into: memory)
    return LoadedKernel(initialState: state, layout: layout, isLinux: image.isLinux)
  }

  private static func elf(in kernel: some LoadableImage) throws(BootError) -> ELFImage {
    let image: KernelImage
    do throws(ImageError) { image = try KernelImage(reading: kernel) } catch { throw .kernel(error) }
    guard case .elf(let elf) = image else { throw .packedKernel }
    return elf
  }

  private static func load(
    _ image: ELFImage, from kernel: some LoadableImage, into memory: GuestMemory, end: UInt64
  ) throws(BootError) {
    let range = image.physicalRange
    guard range.lowerBound >= X86Layout.highMemory else { throw .kernelTooLow(range.lowerBound) }
    guard range.upperBound <= min(end, X86Layout.identityMapped) else {
      throw .kernelOutsideMemory(range, memory: min(end, X86Layout.identityMapped))
    }
    for segment in image.segments where segment.fileSize > 0 {
      let slice = try slice(at: segment.physicalAddress, count: segment.fileSize, of: memory)
      memory.populate(slice)
      do throws(ImageError) { try kernel.read(into: slice, at: segment.fileOffset) } catch {
        throw .kernel(error)
      }
    }
  }

  private static func load(
    _ initrd: (any LoadableImage)?, above kernel: Range<UInt64>, in ranges: [Range<UInt64>],
    into memory: GuestMemory
  ) throws(BootError) -> Range<UInt64>? {
    guard let initrd else { return nil }
    guard initrd.size > 0 else { throw .initrd(.empty) }
    let range = try InitialRamdisk.place(size: initrd.size, above: kernel, in: ranges)
    let slice = try slice(at: range.lowerBound, count: initrd.size, of: memory)
    do throws(ImageError) { try initrd.read(into: slice, at: 0) } catch { throw .initrd(error) }
    return range
  }

  private static func writeLinuxParameters(
    _ layout: MachineLayout, _ description: DescriptionTables, seed: [UInt8], into memory: GuestMemory
  ) throws(BootError) {
    var next: UInt64 = 0
    if let tree = description.deviceTree {
      next = X86Layout.deviceTree.lowerBound
      try write(BootParameters.setupData(.deviceTree, tree, next: 0), at: next, into: memory)
    }
    if !seed.isEmpty {
      let link = BootParameters.setupData(.randomSeed, seed, next: next)
      next = X86Layout.setupData
      try write(link, at: next, into: memory)
    }
    let page = BootParameters.encoded(layout, setupData: next, rootPointer: description.rootPointer)
    try write(page, at: X86Layout.bootParameters, into: memory)
    let tables = PageTables.encoded(at: X86Layout.pageTables)
    try write(tables, at: X86Layout.pageTables, into: memory)
  }

  private static func write(
    _ bytes: [UInt8], at address: UInt64, into memory: GuestMemory
  ) throws(BootError) {
    do throws(GuestMemoryError) { try memory.copyIn(bytes, to: GuestAddress(address)) } catch {
      throw .kernelOutsideMemory(address..<(address + UInt64(bytes.count)), memory: memory.size)
    }
  }

  private static func slice(
    at address: UInt64, count: UInt64, of memory: GuestMemory
  ) throws(BootError) -> GuestSlice {
    do throws(GuestMemoryError) {
      return try memory.slice(at: GuestAddress(address), count: count)
    } catch {
      throw .kernelOutsideMemory(address..<(address + count), memory: memory.size)
    }
  }
}
