import Logging
import Synchronization

extension IOLoop {
    /// Runs `callback` in the next turn, on the loop's thread, in the order of the calls. May be called from any thread; a
    /// sleeping loop wakes.
    ///
    /// An error that `callback` throws is logged, and the loop goes on. A closed loop drops the callback.
    ///
    /// Tornado: `IOLoop.add_callback`.
    public func addCallback(_ callback: @escaping @Sendable () throws -> Void) {
        if isCurrentThread {
            guard !isClosed else { return }
            callbacks.append(callback)
        } else {
            if inbox.put(callback) { reactor.wakeup() }
        }
    }

    /// Like `addCallback`, for a callback that must not leave the loop's thread. On the loop's thread.
    package func addLocalCallback(_ callback: @escaping () throws -> Void) {
        preconditionOnLoop()
        guard !isClosed else { return }
        callbacks.append(callback)
    }

    /// Waits until the loop has looked for events once more. On the loop's thread.
    package func nextTurn() async {
        preconditionOnLoop()
        for _ in 0..<2 {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                addLocalCallback { continuation.resume() }
            }
        }
    }

    /// Starts `work` as a task of this loop in the next turn; an error that it throws is logged. May be called from any
    /// thread.
    ///
    /// Tornado: `IOLoop.spawn_callback`.
    @discardableResult
    public func spawnCallback(_ work: @escaping @Sendable () async throws -> Void) -> Task<Void, Never> {
        Task(executorPreference: self) { await Self.runLoggingErrors(work) }
    }

    /// Runs `work`, and logs an error that it throws. A cancellation is not an error.
    static func runLoggingErrors(_ work: () async throws -> Void) async {
        do {
            try await work()
        } catch is CancellationError {
            // Cancelled work has nothing to report.
        } catch {
            Log.application.error("Exception in callback: \(error)")
        }
    }

    /// Runs `body` on the loop's thread in its next turn and waits for its result. May be called from any task.
    ///
    /// - Throws: the error that `body` throws; `IOLoopError.closed` if the loop is closed before `body` runs.
    public func perform<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withUnsafeThrowingContinuation { continuation in
            let caller = OneShotContinuation(continuation)
            addCallback { caller.resume(with: Swift.Result { try body() }) }
        }
    }

    /// Calls `callback` with `future` on this loop's thread once the future is done: in a later turn, even if it is done
    /// already. An error that `callback` throws is logged. May be called from any thread.
    ///
    /// Tornado: `IOLoop.add_future`.
    public func addFuture<Value: Sendable>(_ future: Future<Value>, _ callback: @escaping Future<Value>.Callback) {
        future.addDoneCallback(on: self, callback)
    }
}

extension IOLoop: CallbackThread {}

/// Why a loop did not do its work.
public enum IOLoopError: Error, CustomStringConvertible, Sendable {
    /// The loop was stopped before the work was done.
    case stopped
    /// The loop was closed before the work was done, or before it began.
    case closed

    public var description: String {
        switch self {
        case .stopped: "the loop was stopped before the work was done"
        case .closed: "the loop is closed"
        }
    }
}
