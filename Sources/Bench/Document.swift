package import Configuration
import FoundationEssentials

/// What one benchmark found, with its conditions: what `--json` writes and `swiftlet bench diff` reads.
package struct ResultDocument: Codable, Sendable, Equatable {
  package static let formatName = "swiftlet-bench"
  package static let currentVersion = 2

  package enum Kind: String, Codable, Sendable {
    case boot, compare, exits, density, io
    case startRate = "start-rate"
  }

  package var format = ResultDocument.formatName
  package var version = ResultDocument.currentVersion
  package let kind: Kind
  package var conditions: Conditions
  package var contestants: [Contestant]
  /// What a reader should know before believing a number.
  package var warnings: [String] = []

  package init(_ kind: Kind, _ conditions: Conditions, _ contestants: [Contestant] = []) {
    (self.kind, self.conditions, self.contestants) = (kind, conditions, contestants)
  }
}

/// Something that was started again and again.
package struct Contestant: Codable, Sendable, Equatable {
  package let name: String
  /// The whole command line.
  package var command: [String]
  /// What its environment has besides the benchmark's own, or instead: "NAME=value".
  package var environment: [String]?
  package var version: String?
  /// What keeps the program apart, in a word or two.
  package var isolation: String?
  package var hasOwnKernel: Bool?
  /// Of the program with its libraries, and of the files that it starts its guest from.
  package var diskBytes: UInt64?
  /// The most that it had at a time, over all its processes.
  package var threads: Int?
  /// Resident, in bytes: of all its processes together.
  package var peakMemory: UInt64?
  /// Of a monitor beyond the guest's RAM, in bytes.
  package var memoryBeyondGuest: UInt64?
  /// Why it was not started.
  package var absence: String?
  /// How it ended, where not as it should.
  package var failure: String?
  package var series: [Series] = []
  /// Series that others have and this one has not, and why.
  package var notMeasured: [String: String]?

  package init(_ name: String, command: [String] = []) { (self.name, self.command) = (name, command) }

  package func samples(_ name: String) -> Samples? { series(name).map { Samples($0.values) } }

  package func series(_ name: String) -> Series? { series.first { $0.name == name } }
}

/// The values of one quantity, in the order of the runs.
package struct Series: Codable, Sendable, Equatable {
  package enum Unit: String, Codable, Sendable {
    case nanoseconds, count, bytes
    /// Of what there is to be much of: all else is better where it is less.
    case perSecond = "per second"
  }

  package static let wall = "wall"
  package static let processor = "processor"

  package let name: String
  package let unit: Unit
  package let values: [Double]
  /// For readers: computed from the values, or where these are some of many from all.
  package let summary: Summary?
  /// Where the median lies with a confidence of 95 %; nil where the values cannot tell.
  package let interval: Interval?
  /// KVM's names of what it counted in this phase, and how much, in each run.
  package var counters: [String: [Double]]?
  /// Bytes that are moved in the time that was taken; nil where the time is what counts.
  package let bytesMoved: Int?

  package init(
    _ name: String, _ unit: Unit, _ values: [Double], counters: [String: [Double]]? = nil,
    moving bytesMoved: Int? = nil
  ) {
    (self.name, self.unit, self.values) = (name, unit, values)
    (self.counters, self.bytesMoved) = (counters, bytesMoved)
    summary = Summary(Samples(values))
    interval = Samples(values).medianInterval
  }

  /// Durations of which only some may be kept as values, and all are told of.
  package init(_ name: String, of tally: Tally, keeping most: Int) {
    (self.name, unit, values) = (name, .nanoseconds, tally.values(atMost: most))
    (summary, interval, bytesMoved) = (tally.summary, nil, nil)
  }
}

extension ResultDocument {
  package func json() throws(Diagnostic) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do { return Array(try encoder.encode(self)) + [0x0A] } catch {
      throw Diagnostic(.monitorError, "cannot encode the result", which: "\(error)", mend: "")
    }
  }

  /// - Parameter path: for messages.
  /// - Throws: a `Diagnostic` with status `badInput` for what is no result of this version.
  package init(json: [UInt8], path: String) throws(Diagnostic) {
    struct Head: Decodable {
      let format: String
      let version: Int
    }
    let data = Data(json)
    guard let head = try? JSONDecoder().decode(Head.self, from: data), head.format == Self.formatName else {
      throw Diagnostic(
        .badInput, "not a result of swiftlet bench", which: path, mend: "give a file that --json wrote")
    }
    guard head.version == Self.currentVersion else {
      throw Diagnostic(
        .badInput, "a result of another version of swiftlet bench", which: path, mend: "measure again")
    }
    do { self = try JSONDecoder().decode(Self.self, from: data) } catch {
      throw Diagnostic(.badInput, "a damaged result of swiftlet bench", which: path, mend: "measure again")
    }
  }

  /// A line for each value: contestant, series, unit, number of the run from 1, value; with a line of headings. Lines
  /// whose unit is "text" have no number: conditions and warnings, which have no contestant, and of contestants their
  /// command lines and why they were not started or failed.
  package var csv: String {
    var text = "contestant,series,unit,run,value\n"
    func add(_ contestant: String, _ series: String, _ unit: String, _ run: String, _ value: String) {
      text += [contestant, series, unit, run, value].map(Self.field).joined(separator: ",") + "\n"
    }
    for (name, value) in conditions.facts { add("", name, "text", "", value) }
    for warning in warnings { add("", "warning", "text", "", warning) }
    for contestant in contestants {
      for (name, value) in contestant.facts { add(contestant.name, name, "text", "", value) }
      for series in contestant.series {
        for (run, value) in series.values.enumerated() {
          add(contestant.name, series.name, series.unit.rawValue, "\(run + 1)", fixed(value, 0))
        }
      }
    }
    return text
  }

  /// As RFC 4180 has it.
  private static func field(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
  }
}
