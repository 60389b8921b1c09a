/// Lets tasks of one loop wait for a notification by another task of that loop. It has no lock and no state: a notification for
/// which no task waits is lost.
///
/// A condition belongs to the loop that uses it first, until that loop is closed. Between two `await`s no other task of the
/// loop runs, so that a task can check the state that the condition is about and begin to wait without losing a notification.
/// This does not hold on another thread, where a call ends the program with a message. For state that several loops share, use
/// an `AsyncMonitor`.
///
/// Tornado: `locks.Condition`.
public final class AsyncCondition: Sendable {
    private struct State: Sendable {
        let waiters = WaiterList<Void>()
        /// The inbox of the loop that uses the condition; it stands for the loop without keeping it alive.
        var inbox: Inbox?
    }
    private let monitor = Monitor(State())

    public init() {}

    /// Waits for a notification. Tasks are notified in the order in which they came. On the condition's loop.
    ///
    /// - Parameter timeout: nil: no limit.
    /// - Returns: false if the timeout passed first.
    /// - Throws: `CancellationError` if the task is cancelled; `IOLoopError.closed` if the loop is closed before the timeout.
    ///
    /// Tornado: `Condition.wait`.
    @discardableResult
    public func wait(timeout: Duration? = nil) async throws -> Bool {
        let loop = IOLoop.currentIfAny
        do {
            try await monitor.wait(timeout: timeout, on: loop) { state, waiter, _ in
                Self.bind(&state, to: loop)
                state.waiters.append(waiter)
                return nil
            }
            return true
        } catch is TimeoutError {
            return false
        }
    }

    /// Resumes the `count` tasks that have waited longest. On the condition's loop. Tornado: `Condition.notify`.
    public func notify(_ count: Int = 1) {
        let loop = IOLoop.currentIfAny
        monitor.update { state, wakeups in
            Self.bind(&state, to: loop)
            for _ in 0..<max(count, 0) where !state.waiters.serveFirst(.success(()), &wakeups) { return }
        }
    }

    /// Resumes every waiting task. On the condition's loop. Tornado: `Condition.notify_all`.
    public func notifyAll() {
        let loop = IOLoop.currentIfAny
        monitor.update { state, wakeups in
            Self.bind(&state, to: loop)
            state.waiters.serveAll(.success(()), &wakeups)
        }
    }

    /// Ends the program if the condition belongs to another loop.
    private static func bind(_ state: inout State, to loop: IOLoop?) {
        guard let inbox = loop?.inbox else { failOffLoop() }
        if state.inbox === inbox { return }
        guard state.inbox?.isClosed ?? true else { failOffLoop() }
        state.inbox = inbox
    }

    private static func failOffLoop() -> Never {
        fatalError(
            """
            An AsyncCondition was used by another thread than that of its loop. A notification that comes between a look at the \
            shared state and the wait would be lost. Keep the state that several loops share in an AsyncMonitor, whose `wait` looks \
            at it under a lock, or use the condition inside `loop.addCallback { }` or `try await loop.perform { }`.
            """)
    }
}
