/// A continuation that is resumed exactly once, by the callback that holds it.
///
/// A loop that is closed drops its callbacks and timers. The task then gets `IOLoopError.closed` when the last reference to
/// this object is released, so that it does not wait for ever.
///
/// Sendable without a lock, because a single callback holds it: the thread that creates it hands it over to the loop's
/// thread and does not use it again.
final class OneShotContinuation<Value: Sendable>: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Value, any Error>?

    init(_ continuation: UnsafeContinuation<Value, any Error>) { self.continuation = continuation }

    deinit { continuation?.resume(throwing: IOLoopError.closed) }

    /// Resumes the task. Only the first result counts.
    func resume(with result: Result<Value, any Error>) { continuation.take()?.resume(with: result) }
}
