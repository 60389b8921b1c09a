/// A pattern that cannot be used: thrown when the pattern is created, so a bad route never waits for its first request.
public struct URLPatternError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The pattern as it was written.
    public let pattern: String
    /// What is wrong with it.
    public let reason: String

    package init(pattern: String, reason: String) {
        self.pattern = pattern
        self.reason = reason
    }

    public var description: String { "bad pattern \"\(pattern)\": \(reason)" }
}
