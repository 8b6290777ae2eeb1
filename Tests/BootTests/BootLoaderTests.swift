import GuestMemory
import Testing

@testable import Boot

@Suite struct BootLoaderTests {
  private let memory: GuestMemory

  init() throws { memory = try GuestMemory(size: 16 << 20) }

  private func plan(_ description: HardwareDescription = .mpTable, commandLine: String = "quiet") -> BootPlan
  {
    BootPlan(
      cpuCount: 1, virtio: (0..<2).compactMap { VirtioWindow(index: $0) }, hasSerial: false,
      commandLine: KernelCommandLine(commandLine), description: description,
      randomSeed: [UInt8](repeating: 0x5a, count: 32))
  }

  private var kernel: [UInt8] {
    var bytes = TestELF().bytes
    bytes.replaceSubrange(0x1000..<0x1004, with: [0xf4, 0xeb, 0xfd, 0x90])
    return bytes
  }

  private func load(_ plan: BootPlan, _ kernel: [UInt8], initrd: [UInt8]? = nil) throws(BootError)
    -> LoadedKernel
  {
    let initrd = initrd.map { TestImage($0, memory: memory) as any LoadableImage }
    return try BootLoader.load(plan, kernel: TestImage(kernel, memory: memory), initrd: initrd, into: memory)
  }

  private func failure(_ plan: BootPlan, _ kernel: [UInt8], initrd: [UInt8]? = nil) -> BootError? {
    do throws(BootError) {
      _ = try load(plan, kernel, initrd: initrd)
      return nil
    } catch { return error }
  }

  @Test func linuxEntryHasWhatTheProtocolAsksFor() throws {
    let loaded = try load(plan(), kernel, initrd: [1, 2, 3])
    let state = loaded.initialState
    #expect(state.rip == 0x10_0000)
    #expect(state.rsi == X86Layout.bootParameters)
    #expect(state.cs == .code64)
    #expect(state.efer == 0x500)
    #expect(state.rflags == 2)
    #expect(try memory.bytes(at: GuestAddress(0x10_0000), count: 4) == [0xf4, 0xeb, 0xfd, 0x90])
    #expect(loaded.layout.initrd == 0x10_2000..<0x10_2003)
    #expect(try memory.bytes(at: GuestAddress(0x10_2000), count: 3) == [1, 2, 3])
    #expect(try memory.load(UInt64.self, at: GuestAddress(state.cr3)) == 0xa003)
    #expect(try memory.load(UInt64.self, at: GuestAddress(state.gdt.base + 0x10)) == 0x00af_9b00_0000_ffff)
    #expect(state.gdt.limit == 47)
    let text = "quiet virtio_mmio.device=4K@0xd0000000:5 virtio_mmio.device=4K@0xd0001000:6"
    #expect(
      try memory.bytes(at: GuestAddress(0x20000), count: UInt64(text.utf8.count + 1)) == Array(text.utf8) + [
        0
      ])
  }

  @Test func setupDataIsChained() throws {
    _ = try load(plan(.deviceTree), kernel)
    let first = try memory.load(UInt64.self, at: GuestAddress(X86Layout.bootParameters + 0x250))
    #expect(try memory.load(UInt32.self, at: GuestAddress(first + 8)) == 9)
    #expect(try memory.load(UInt32.self, at: GuestAddress(first + 12)) == 32)
    let second = try memory.load(UInt64.self, at: GuestAddress(first))
    #expect(try memory.load(UInt32.self, at: GuestAddress(second + 8)) == 2)
    #expect(try memory.bytes(at: GuestAddress(second + 16), count: 4) == [0xd0, 0x0d, 0xfe, 0xed])
    #expect(try memory.load(UInt64.self, at: GuestAddress(second)) == 0)
  }

  @Test func rootPointerIsNamedAndSearchable() throws {
    let loaded = try load(plan(.acpi), kernel)
    #expect(loaded.layout.commandLine == "quiet")
    #expect(try memory.load(UInt64.self, at: GuestAddress(X86Layout.bootParameters + 0x70)) == 0xe0000)
    #expect(try memory.bytes(at: GuestAddress(0xe0000), count: 8) == Array("RSD PTR ".utf8))
  }

  @Test func aNoteChoosesPVHUnlessTheKernelIsLinux() throws {
    let pvh = try load(plan(), TestELF().with(note: 18, owner: "Xen", [0, 0x10, 0x10, 0])).initialState
    #expect(pvh.rip == 0x10_1000)
    #expect(pvh.rbx == X86Layout.startInfo)
    #expect(pvh.cs == .code32)
    #expect(pvh.cr0 == 0x11)
    #expect(try memory.load(UInt32.self, at: GuestAddress(pvh.rbx)) == 0x336e_c578)
    #expect(try load(plan(), TestELF().with(note: 0x101, owner: "Linux", [0])).initialState.cs == .code64)
  }

  @Test func whatDoesNotFitIsSaid() {
    var file = TestELF()
    file.headers = [.init(memorySize: 16 << 20)]
    #expect(
      failure(plan(), file.bytes)?.description
        == "the kernel takes memory up to 17 MiB but the machine has 16 MiB: give it more memory")
    file.headers = [.init(address: 0x9_0000)]
    #expect(failure(plan(), file.bytes) == .kernelTooLow(0x9_0000))
    file.headers = [.init()]
    file.entry = 0x20_0000
    #expect(failure(plan(), file.bytes) == .entryOutsideKernel(0x20_0000))
    let pvh = TestELF().with(note: 18, owner: "Xen", [0, 0, 0, 0x90])
    #expect(failure(plan(), pvh) == .entryOutsideKernel(0x9000_0000))
    #expect(
      failure(plan(), kernel, initrd: [UInt8](repeating: 0, count: 15 << 20))?.description
        == "the initrd of 15 MiB does not fit in the 14.9 MiB above the kernel: give the machine more memory")
    #expect(failure(plan(), kernel, initrd: []) == .initrd(.empty))
    #expect(failure(plan(), []) == .kernel(.empty))
    var many = plan()
    many.cpuCount = 255
    #expect(failure(many, kernel) == .processorCount(255))
  }

  @Test func commandLineLimitCountsWhatIsAdded() throws {
    let added = " virtio_mmio.device=4K@0xd0000000:5 virtio_mmio.device=4K@0xd0001000:6".utf8.count
    _ = try load(plan(commandLine: String(repeating: "x", count: 2047 - added)), kernel)
    guard
      case .commandLine(let reason) = failure(
        plan(commandLine: String(repeating: "x", count: 2048 - added)), kernel)
    else {
      Issue.record("a line of 2048 bytes was taken")
      return
    }
    #expect(reason.contains("2048 bytes"))
    #expect(failure(plan(commandLine: "a\nb"), kernel) != nil)
    #expect(failure(plan(commandLine: "a\0b"), kernel) != nil)
  }
}
