/// A property that does not hold for an input.
package struct FuzzFinding: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// Throws a finding where the condition does not hold. Only then is the text made.
func require(_ condition: Bool, _ text: @autoclosure () -> String) throws(FuzzFinding) {
    guard condition else { throw FuzzFinding(text()) }
}
