/// One task of the loop that waits for one result: whoever comes first, the result or the task's cancellation, resumes
/// it.
final class LoopWaiter<Value: Sendable>: @unchecked Sendable {
    private let loop: IOLoop
    // The loop thread's own.
    private var continuation: UnsafeContinuation<Value, any Error>?
    /// Undoes what was begun, when the task is cancelled before the result is there.
    private var onCancel: (() -> Void)?

    /// - Parameter onCancel: called on the loop's thread, before the task goes on with `CancellationError`.
    init(_ loop: IOLoop, onCancel: (() -> Void)? = nil) {
        self.loop = loop
        self.onCancel = onCancel
    }

    /// Waits. On the loop's thread, and once.
    ///
    /// - Parameter start: begins what is waited for; may answer at once.
    /// - Throws: what the result is, or `CancellationError`.
    func value(after start: () -> Void = {}) async throws -> Value {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                self.continuation = continuation
                start()
                if Task.isCancelled { cancelOnLoop() }
            }
        } onCancel: {
            if loop.isCurrentThread { cancelOnLoop() } else { loop.addCallback { self.cancelOnLoop() } }
        }
    }

    /// Resumes the task, which runs later in this turn or in the next. Only the first result counts.
    func resume(with result: Result<Value, any Error>) {
        guard let continuation = continuation.take() else { return }
        onCancel = nil
        continuation.resume(with: result)
    }

    private func cancelOnLoop() {
        guard let continuation = continuation.take() else { return }
        if let undo = onCancel.take() { undo() }
        continuation.resume(throwing: CancellationError())
    }
}
