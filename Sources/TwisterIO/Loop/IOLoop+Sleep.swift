extension IOLoop {
    /// Suspends the caller's task for `duration`, measured by this loop's clock, without a thread or a task of its own. May
    /// be called from any task.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled, `IOLoopError.closed` if the loop is closed first.
    ///
    /// Tornado: `gen.sleep`.
    public func sleep(for duration: Duration) async throws {
        let timer = SleepTimer(self)
        do {
            try await withTaskCancellationHandler {
                try Task.checkCancellation()
                try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                    let sleeper = OneShotContinuation(continuation)
                    runOnThread { timer.start(duration, sleeper) }
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

    /// The timer of one sleep. The timer's callback holds the only reference to the continuation, so removing the timer
    /// wakes the task.
    ///
    /// Sendable, because its state is used on the loop's thread only.
    private final class SleepTimer: @unchecked Sendable {
        private let loop: IOLoop
        private var timeout: Timeout?
        private var isCancelled = false

        init(_ loop: IOLoop) { self.loop = loop }

        func start(_ duration: Duration, _ sleeper: OneShotContinuation<Void>) {
            guard !isCancelled, !loop.isClosed else { return }
            timeout = loop.callLater(duration) { sleeper.resume(with: .success(())) }
        }

        func cancel() {
            isCancelled = true
            if let timeout { loop.removeTimeout(timeout) }
        }
    }
}
