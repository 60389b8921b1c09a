/// State under a lock, with tasks that wait for it to change. The common part of futures, locks and queues.
///
/// Tasks of any executor may wait: each is resumed on its own, so a task of a loop stays on its loop.
final class Monitor<State: Sendable>: Sendable {
    // A lock of pthreads, which the thread sanitizer sees; it does not see into the standard library's `Mutex`.
    private let state: ConditionLock<State>

    init(_ initial: State) { state = ConditionLock(initial) }

    /// Looks at the state, or changes it without waking anyone.
    func withLock<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        state.withLock { body(&$0) }
    }

    /// Changes the state and then, without the lock, resumes whom `body` served.
    func update<Result: Sendable, Failure: Error>(
        _ body: (inout State, inout Wakeups) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var wakeups = Wakeups()
        let result = try state.withLock { (state) throws(Failure) in try body(&state, &wakeups) }
        wakeups.run()
        return result
    }

    /// Suspends the caller's task until its waiter is served.
    ///
    /// - Parameters:
    ///   - waiter: a new one, where the caller keeps something in it.
    ///   - timeout: nil waits for ever.
    ///   - loop: whose clock measures the time-out; nil: the calling thread's loop, or without one the system's clock.
    ///   - enter: answers at once, or appends the waiter to a line. Under the lock.
    /// - Throws: `CancellationError` as soon as the task is cancelled, `TimeoutError`, or what it was served.
    func wait<Value: Sendable>(
        _ waiter: Waiter<Value> = Waiter(), timeout: Duration? = nil, on loop: IOLoop? = nil,
        enter: (inout State, Waiter<Value>, inout Wakeups) -> Result<Value, any Error>?
    ) async throws -> Value {
        let timer = timeout.map { timeout in
            WaitTimer(loop, timeout) { self.abandon(waiter, TimeoutError(after: timeout)) }
        }
        defer { timer?.cancel() }
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let outcome: Result<Value, any Error>? = update { state, wakeups in
                    if let error = waiter.abandoned { return .failure(error) }
                    if let result = enter(&state, waiter, &wakeups) { return result }
                    waiter.suspend(continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            abandon(waiter, CancellationError())
        }
    }

    private func abandon<Value: Sendable>(_ waiter: Waiter<Value>, _ error: any Error) {
        let continuation = state.withLock { _ in waiter.abandon(error) }
        continuation?.resume(throwing: error)
    }
}
