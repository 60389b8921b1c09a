/// Something was not done in the time that it was given.
///
/// Tornado: `gen.TimeoutError`, `util.TimeoutError`.
public struct TimeoutError: Error, CustomStringConvertible, Sendable {
    /// How long was waited.
    public let timeout: Duration

    public init(after timeout: Duration) { self.timeout = timeout }

    public var description: String { "Operation timed out after \(timeout)" }
}
