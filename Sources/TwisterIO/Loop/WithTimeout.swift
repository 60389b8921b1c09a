/// Waits for `future`, but not longer than `timeout`. The timeout does not cancel the future: other tasks may still wait for
/// it, and its error is logged if no one reads it.
///
/// - Parameter loop: the loop whose clock measures the timeout; nil: the calling thread's loop, or the system's clock if it
///   has none.
/// - Throws: `TimeoutError`; the future's error; `CancellationError` if the waiting task is cancelled.
///
/// Tornado: `gen.with_timeout`.
public func withTimeout<Value: Sendable>(
    _ timeout: Duration, on loop: IOLoop? = nil, _ future: Future<Value>
) async throws -> Value {
    try await future.value(timeout: timeout, on: loop)
}

/// Runs `work` as a task of `loop`, and waits for it, but not longer than `timeout`. After the timeout, or if the caller is
/// cancelled, `work` is cancelled and not waited for, so that work that ignores its cancellation does not delay the caller.
/// An error that it throws after that is logged.
///
/// - Throws: `TimeoutError`; the error that `work` throws; `CancellationError` if the calling task is cancelled.
///
/// Tornado: `gen.with_timeout` (which does not cancel).
public func withTimeout<Value: Sendable>(
    _ timeout: Duration, on loop: IOLoop, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let future = Future(on: loop, work)
    // Does nothing if the work is done.
    defer { future.cancel() }
    return try await future.value(timeout: timeout, on: loop)
}

/// An operation was not completed within its timeout.
///
/// Tornado: `gen.TimeoutError`, `util.TimeoutError`.
public struct TimeoutError: Error, CustomStringConvertible, Sendable {
    /// The timeout that has passed.
    public let timeout: Duration

    public init(after timeout: Duration) { self.timeout = timeout }

    public var description: String { "Operation timed out after \(timeout)" }
}
