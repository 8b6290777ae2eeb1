import KVM
import Testing

@testable import HostProfile

/// XSAVE and XRSTOR against their description, with the components that every 64-bit processor has and, where this one
/// has it, AVX.
struct ExtendedStateTests {
  private static let (x87, sse, avx) = (UInt64(1), UInt64(2), UInt64(4))

  private func state(_ byte: UInt8, enabled: UInt64 = 3, inUse: UInt64 = 3) -> ExtendedState {
    var image = [UInt8](repeating: byte, count: 4096)
    image.replaceSubrange(24..<32, with: [0x80, 0x1F, 0, 0, 0xFF, 0xFF, 2, 0])
    image.replaceSubrange(512..<576, with: [UInt8(inUse)] + [UInt8](repeating: 0, count: 63))
    return ExtendedState(image: image, enabled: enabled)
  }

  private func area(_ byte: UInt8, saved: UInt8 = 3, count: Int = 576) -> [UInt8] {
    var area = [UInt8](repeating: byte, count: count)
    area.replaceSubrange(24..<28, with: [0xC0, 0x1F, 0, 0])
    area.replaceSubrange(512..<576, with: [saved] + [UInt8](repeating: 0, count: 63))
    return area
  }

  @Test func savesWhatIsRequestedAndNothingElse() {
    var area = [UInt8](repeating: 0xEE, count: 576)
    area[512] = 5
    state(1).save(Self.sse, to: &area)
    #expect(area[0..<24].allSatisfy { $0 == 0xEE } && area[32..<160].allSatisfy { $0 == 0xEE })
    #expect(Array(area[24..<32]) == [0x80, 0x1F, 0, 0, 0xFF, 0xFF, 2, 0])
    #expect(area[160..<416].allSatisfy { $0 == 1 })
    #expect(area[416..<512].allSatisfy { $0 == 0xEE })
    // XSTATE_BV: the bits requested come from the processor, the others stay.
    #expect(area[512] == 7)
    #expect(area[520..<576].allSatisfy { $0 == 0xEE })
  }

  @Test func tellsWhatIsInItsInitialState() {
    var area = area(0, saved: 3)
    state(1, inUse: 1).save(Self.x87 | Self.sse, to: &area)
    #expect(area[512] == 1)
  }

  @Test func restoresWhatWasSaved() throws {
    let restored = try #require(state(1).restored(Self.x87 | Self.sse | Self.avx, from: area(9)))
    #expect(restored.image[0..<24].allSatisfy { $0 == 9 } && restored.image[32..<416].allSatisfy { $0 == 9 })
    #expect(Array(restored.image[24..<32]) == [0xC0, 0x1F, 0, 0, 0xFF, 0xFF, 2, 0])
    // Not of the area's: it is behind the two components.
    #expect(restored.image[416..<512].allSatisfy { $0 == 1 })
  }

  @Test func restoresTheInitialStateOfWhatWasNotSaved() throws {
    let restored = try #require(state(1).restored(Self.x87 | Self.sse, from: area(9, saved: 0)))
    #expect(Array(restored.image[0..<4]) == [0x7F, 3, 0, 0])
    #expect(restored.image[32..<416].allSatisfy { $0 == 0 })
    // MXCSR is loaded all the same.
    #expect(Array(restored.image[24..<28]) == [0xC0, 0x1F, 0, 0])
    #expect(restored.image[512] == 3)
  }

  @Test func leavesAloneWhatIsNotRequested() throws {
    let restored = try #require(state(1).restored(Self.x87, from: area(9)))
    #expect(restored.image[160..<416].allSatisfy { $0 == 1 })
    #expect(Array(restored.image[24..<28]) == [0x80, 0x1F, 0, 0])
  }

  /// A component that is not enabled, the compacted form, a reserved byte, a reserved bit of MXCSR.
  @Test(arguments: [(512, UInt8(7)), (527, 0x80), (528, 1), (535, 1), (26, 4)])
  func refuses(index: Int, value: UInt8) {
    var wrong = area(9)
    wrong[index] = value
    #expect(state(1).restored(Self.x87 | Self.sse, from: wrong) == nil)
  }

  @Test(.enabled(if: Processor.stateComponent(2).size > 0, "this processor has no AVX"))
  func movesFurtherComponents() throws {
    let place = Processor.stateComponent(2)
    let range = place.offset..<(place.offset + place.size)
    let state = state(1, enabled: 7, inUse: 7)
    #expect(try #require(state.areaSize(3)) == 576)
    let size = try #require(state.areaSize(7))
    #expect(size == range.upperBound)
    var saved = area(0, count: size)
    state.save(Self.avx, to: &saved)
    #expect(saved[range].allSatisfy { $0 == 1 } && saved[512] == 7)
    let restored = try #require(self.state(2, enabled: 7, inUse: 7).restored(Self.avx, from: saved))
    #expect(restored.image[range].allSatisfy { $0 == 1 })
    #expect(restored.image[160..<416].allSatisfy { $0 == 2 })
  }
}
