/// Places in a file: one after the other, or anywhere.
final class Places {
  private let count: Int
  private let step: Int
  private var place = 0

  /// - Parameter count: of places, less than the step's prime or a power of two.
  init(count: Int, isSequential: Bool = true) {
    self.count = count
    // By a large prime every place is reached once before any of them again.
    step = isSequential ? 1 : 7919
  }

  func next() -> Int {
    place = (place + step) % count
    return place
  }
}
