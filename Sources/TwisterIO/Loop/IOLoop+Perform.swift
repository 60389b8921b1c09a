extension IOLoop {
    /// Runs `body` on the loop's thread in its next turn and waits for its result. Any task.
    ///
    /// - Throws: what `body` throws; `IOLoopError.closed` where the loop is closed before `body` ran.
    public func perform<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withUnsafeThrowingContinuation { continuation in
            let request = PerformRequest(continuation)
            addCallback { request.answer(Swift.Result { try body() }) }
        }
    }
}

/// Answers its task once: with a result, or, where the loop drops the callback that holds it, with an error.
private final class PerformRequest<Value: Sendable>: @unchecked Sendable {
    // Either the loop's thread has it or nobody has.
    private var continuation: UnsafeContinuation<Value, any Error>?

    init(_ continuation: UnsafeContinuation<Value, any Error>) { self.continuation = continuation }

    deinit { continuation?.resume(throwing: IOLoopError.closed) }

    func answer(_ result: Result<Value, any Error>) { continuation.take()?.resume(with: result) }
}
