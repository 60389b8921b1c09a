/// A thread that runs callbacks, as a loop's thread does. Helpers of the loop know it by this protocol only.
package protocol CallbackThread: AnyObject, Sendable {
    /// Whether the caller runs on this thread.
    var isCurrentThread: Bool { get }

    /// Runs `callback` on the thread later. May be called from any thread.
    func addCallback(_ callback: @escaping @Sendable () throws -> Void)
}

extension CallbackThread {
    /// Runs `body` on the thread: at once if the caller runs on it, otherwise as a callback.
    func runOnThread(_ body: @escaping @Sendable () -> Void) {
        if isCurrentThread { body() } else { addCallback(body) }
    }
}

/// One task of a loop that waits for one result. The result or the task's cancellation resumes it, whichever comes first.
///
/// Sendable, because its state is used on the loop's thread only; a cancellation on another thread is handed over.
package final class LoopWaiter<Value: Sendable>: @unchecked Sendable {
    private let thread: any CallbackThread
    private var continuation: UnsafeContinuation<Value, any Error>?
    /// Undoes what was begun, if the task is cancelled before the result is there.
    private var onCancel: (() -> Void)?

    /// - Parameter onCancel: called on the loop's thread, before the task goes on with `CancellationError`.
    package init(_ thread: any CallbackThread, onCancel: (() -> Void)? = nil) {
        self.thread = thread
        self.onCancel = onCancel
    }

    /// Waits for the result. On the loop's thread, and once.
    ///
    /// - Parameter start: begins the work whose result is waited for; may call `resume` at once.
    /// - Throws: the error that the result is, or `CancellationError`.
    package func value(after start: () -> Void = {}) async throws -> Value {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                self.continuation = continuation
                start()
                if Task.isCancelled { cancelOnLoop() }
            }
        } onCancel: {
            thread.runOnThread { self.cancelOnLoop() }
        }
    }

    /// Resumes the task, which runs later in this turn or in the next. Only the first result counts.
    package func resume(with result: Result<Value, any Error>) {
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

/// A continuation that is resumed exactly once, by the callback that holds it.
///
/// A loop that is closed drops its callbacks and timers. The task then gets `IOLoopError.closed` when the last reference to
/// this object is released, so that it does not wait for ever.
///
/// Sendable without a lock, because a single callback holds it: the thread that creates it passes it to the loop's thread and
/// does not use it again.
final class OneShotContinuation<Value: Sendable>: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Value, any Error>?

    init(_ continuation: UnsafeContinuation<Value, any Error>) { self.continuation = continuation }

    deinit { continuation?.resume(throwing: IOLoopError.closed) }

    /// Resumes the task. Only the first result counts.
    func resume(with result: Result<Value, any Error>) { continuation.take()?.resume(with: result) }
}
