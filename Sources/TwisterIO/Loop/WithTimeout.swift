/// Waits for `future`, but not longer than `timeout`. The future is not cancelled when the time is up: it goes on, others
/// may wait for it, and if it fails with nobody looking, that is logged.
///
/// - Parameter loop: whose clock measures; nil: the calling thread's loop, or without one the system's clock.
/// - Throws: `TimeoutError`; what the future failed with; `CancellationError` where the waiting task is cancelled.
///
/// Tornado: `gen.with_timeout`.
public func withTimeout<Value: Sendable>(
    _ timeout: Duration, on loop: IOLoop? = nil, _ future: Future<Value>
) async throws -> Value {
    try await future.value(timeout: timeout, on: loop)
}

/// Runs `work` as a task of `loop`, and waits for it, but not longer than `timeout`. When the time is up, or the caller is
/// cancelled, `work` is cancelled and not waited for, so that the time holds even for work that does not listen; an error
/// that it throws after that is logged.
///
/// - Throws: `TimeoutError`; what `work` throws; `CancellationError` where the calling task is cancelled.
///
/// Tornado: `gen.with_timeout` (which does not cancel).
public func withTimeout<Value: Sendable>(
    _ timeout: Duration, on loop: IOLoop, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let future = Future(on: loop, work)
    // Done already, unless the wait ended first.
    defer { future.cancel() }
    return try await future.value(timeout: timeout, on: loop)
}

/// Something was not done in the time that it was given.
///
/// Tornado: `gen.TimeoutError`, `util.TimeoutError`.
public struct TimeoutError: Error, CustomStringConvertible, Sendable {
    /// How long was waited.
    public let timeout: Duration

    public init(after timeout: Duration) { self.timeout = timeout }

    public var description: String { "Operation timed out after \(timeout)" }
}
