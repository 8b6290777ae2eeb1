/// What must hold whatever happens, and did not.
package struct Finding: Error, CustomStringConvertible {
  package let description: String

  package init(description: String) { self.description = description }
}

/// Throws a `Finding` that says `what` unless the condition holds.
package func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
  if !condition { throw Finding(description: what()) }
}
