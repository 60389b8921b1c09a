import Synchronization

extension IOLoop {
    /// Suspends the caller's task for `duration` on this loop, without a thread and without a task of its own. Any task.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled, `IOLoopError.closed` where the loop is closed first.
    ///
    /// Tornado: `gen.sleep`.
    public func sleep(for duration: Duration) async throws {
        let sleeper = Sleeper(self)
        try await withTaskCancellationHandler {
            try Task.checkCancellation()
            try await withUnsafeThrowingContinuation { sleeper.start(duration, $0) }
        } onCancel: {
            sleeper.cancel()
        }
    }
}

/// One sleep: whoever comes first, the timer or the cancellation, resumes the task.
private final class Sleeper: @unchecked Sendable {
    private let loop: IOLoop
    // The loop thread's own.
    private var continuation: UnsafeContinuation<Void, any Error>?
    private var timeout: IOLoop.Timeout?
    private var isCancelled = false

    init(_ loop: IOLoop) { self.loop = loop }

    func start(_ duration: Duration, _ continuation: UnsafeContinuation<Void, any Error>) {
        self.continuation = continuation
        let alarm = Alarm(self)
        if loop.isCurrentThread {
            startOnLoop(duration, alarm)
        } else {
            loop.addCallback { alarm.sleeper.startOnLoop(duration, alarm) }
        }
    }

    private func startOnLoop(_ duration: Duration, _ alarm: Alarm) {
        if isCancelled { return wake(.failure(CancellationError())) }
        if !loop.isClosed { timeout = loop.callLater(duration) { alarm.sleeper.wake(.success(())) } }
    }

    fileprivate func wake(_ result: Result<Void, any Error>) { continuation.take()?.resume(with: result) }

    /// Any thread: a task may be cancelled from anywhere.
    func cancel() {
        if loop.isCurrentThread {
            cancelOnLoop()
        } else {
            loop.addCallback { self.cancelOnLoop() }
        }
    }

    private func cancelOnLoop() {
        isCancelled = true
        guard let timeout else { return }
        wake(.failure(CancellationError()))
        loop.removeTimeout(timeout)
    }
}

/// What the loop holds of a sleeper: where the loop drops it, because it is closed, nobody else would wake the sleeper.
private final class Alarm: @unchecked Sendable {
    let sleeper: Sleeper
    init(_ sleeper: Sleeper) { self.sleeper = sleeper }
    deinit { sleeper.wake(.failure(IOLoopError.closed)) }
}
