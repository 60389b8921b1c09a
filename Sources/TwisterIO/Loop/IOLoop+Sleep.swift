extension IOLoop {
    /// Suspends the caller's task for `duration`, measured by this loop's clock, without a thread or a task of its own. May
    /// be called from any task.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled, `IOLoopError.closed` if the loop is closed first.
    ///
    /// Tornado: `gen.sleep`.
    public func sleep(for duration: Duration) async throws {
        let timer = SleepTimer()
        do {
            try await withTaskCancellationHandler {
                try Task.checkCancellation()
                try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                    let sleeper = OneShotContinuation(continuation)
                    runOnThread { [self] in
                        guard !timer.isCancelled, !isClosed else { return }
                        let timeout = callLater(duration) { sleeper.resume(with: .success(())) }
                        timer.remove = { [self] in removeTimeout(timeout) }
                    }
                }
            } onCancel: {
                runOnThread { timer.cancel() }
            }
        } catch {
            // A cancelled timer drops the continuation like one that a closed loop drops.
            try Task.checkCancellation()
            throw error
        }
    }
}

/// The timer of one sleep. The timer's callback holds the only reference to the continuation, so removing the timer wakes the
/// task.
///
/// Sendable, because its state is used on the loop's thread only.
private final class SleepTimer: @unchecked Sendable {
    private(set) var isCancelled = false
    /// Removes the timer from the loop; nil before the timer was started.
    var remove: (() -> Void)?

    func cancel() {
        isCancelled = true
        remove?()
    }
}
