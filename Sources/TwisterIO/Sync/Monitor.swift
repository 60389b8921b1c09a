/// A clock that measures the timeout of a wait: a loop.
protocol WaitClock: Sendable {
    /// Calls `body` after `timeout`, unless the wait is over by then. A clock that is closed before drops `body`.
    ///
    /// - Returns: a closure that stops the timer and may be called from any thread; nil if the clock cannot be used by the
    ///   calling thread.
    func startTimer(_ timeout: Duration, _ body: @escaping @Sendable () -> Void) -> (@Sendable () -> Void)?

    /// Whether the clock's loop is closed, so that a task of it that waits would not be resumed. May be read from any thread.
    var hasEnded: Bool { get }
}

/// State under a lock, with tasks that wait for it to change. The common part of futures, locks and queues.
///
/// Tasks of any executor may wait. Each is resumed on its own executor, so a task of a loop stays on its loop.
final class Monitor<State: Sendable>: Sendable {
    // A lock of pthreads, which the thread sanitizer sees; it does not see into the standard library's `Mutex`.
    private let state: ConditionLock<State>

    init(_ initial: State) { state = ConditionLock(initial) }

    /// Reads the state, or changes it without waking a task.
    func withLock<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        state.withLock { body(&$0) }
    }

    /// Changes the state and then, without the lock, resumes the tasks that `body` served.
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
    ///   - waiter: given by callers that keep something in it.
    ///   - timeout: nil: no limit.
    ///   - clock: measures the timeout if it can; otherwise the system's clock does.
    ///   - enter: returns a result, or appends the waiter to a list. Called under the lock.
    /// - Throws: `CancellationError` as soon as the task is cancelled; `TimeoutError`; the error that the waiter is served;
    ///   `IOLoopError.closed` if the clock is closed before, or while a timeout runs.
    func wait<Value: Sendable>(
        _ waiter: Waiter<Value> = Waiter(), timeout: Duration? = nil, on clock: (any WaitClock)?,
        enter: (inout State, Waiter<Value>, inout Wakeups) -> Result<Value, any Error>?
    ) async throws -> Value {
        let stopTimer = timeout.map { timeout in
            startTimer(timeout, on: clock) { self.abandon(waiter, $0) }
        }
        defer { stopTimer?() }
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let outcome: Result<Value, any Error>? = update { state, wakeups in
                    if let error = waiter.abandoned { return .failure(error) }
                    if let result = enter(&state, waiter, &wakeups) { return result }
                    if clock?.hasEnded == true {
                        _ = waiter.abandon(IOLoopError.closed)
                        return .failure(IOLoopError.closed)
                    }
                    waiter.suspend(continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            abandon(waiter, CancellationError())
        }
    }

    /// Calls `end` with a `TimeoutError` after `timeout`, or with `IOLoopError.closed` if the clock is closed before.
    private func startTimer(
        _ timeout: Duration, on clock: (any WaitClock)?, _ end: @escaping @Sendable (any Error) -> Void
    ) -> @Sendable () -> Void {
        let timer = WaitTimer(end)
        if let stop = clock?.startTimer(timeout, { timer.end(TimeoutError(after: timeout)) }) { return stop }
        let task = Task.detached {
            do {
                try await Task.sleep(for: timeout)
                timer.end(TimeoutError(after: timeout))
            } catch {
                // Cancelled: the wait ended in time.
            }
        }
        return { task.cancel() }
    }

    private func abandon<Value: Sendable>(_ waiter: Waiter<Value>, _ error: any Error) {
        let continuation = state.withLock { _ in waiter.abandon(error) }
        continuation?.resume(throwing: error)
    }
}

/// The timer of one wait, which its clock holds. A clock that drops it, because its loop is closed, ends the wait. At the end
/// of a wait that is over by then, nothing happens.
private final class WaitTimer: Sendable {
    let end: @Sendable (any Error) -> Void

    init(_ end: @escaping @Sendable (any Error) -> Void) { self.end = end }

    deinit { end(IOLoopError.closed) }
}
