import Synchronization

extension IOLoop {
    /// Suspends the caller's task for `duration` on this loop, without a thread and without a task of its own. Any task.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled.
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
        if loop.isCurrentThread {
            startOnLoop(duration, continuation)
        } else {
            loop.addCallback { self.startOnLoop(duration, continuation) }
        }
    }

    private func startOnLoop(_ duration: Duration, _ continuation: UnsafeContinuation<Void, any Error>) {
        if isCancelled { return continuation.resume(throwing: CancellationError()) }
        self.continuation = continuation
        timeout = loop.callLater(duration) { self.continuation.take()?.resume() }
    }

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
        guard let continuation = continuation.take() else { return }
        if let timeout { loop.removeTimeout(timeout) }
        continuation.resume(throwing: CancellationError())
    }
}
