import Foundation

/// What these tests read of a result.
struct BenchDocument: Decodable {
  struct Series: Decodable {
    let name: String
    let values: [Double]
    let counters: [String: [Double]]?
  }
  struct Contestant: Decodable {
    let name: String
    let command: [String]
    let series: [Series]
    let threads: Int?
    let memoryBeyondGuest: Int?
    let failure, absence, version: String?
    let notMeasured: [String: String]?
    let hasOwnKernel: Bool?

    func values(_ name: String) -> [Double] { series.first { $0.name == name }?.values ?? [] }
  }
  struct Conditions: Decodable {
    let hostKernel: String
    let kernel, kernelSHA256, cache: String?
    let seed: UInt64?
    let kvm: [String: String]
    let command: [String]
  }
  let kind: String
  let conditions: Conditions
  let contestants: [Contestant]
}

/// A folder for results, removed at the end.
final class BenchFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("bench-tests-\(UUID())")
  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }
  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
  func document(_ name: String) throws -> BenchDocument {
    try JSONDecoder().decode(BenchDocument.self, from: Data(contentsOf: url.appendingPathComponent(name)))
  }
}
