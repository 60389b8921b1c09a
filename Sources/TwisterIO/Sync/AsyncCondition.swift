/// Lets tasks wait for a notification by another task. It has no lock and no state: a notification for which no task waits
/// is lost.
///
/// May be used from any thread. Each waiting task continues on its own executor: a loop's task on its loop.
///
/// Tornado: `locks.Condition`.
public final class AsyncCondition: Sendable {
    private let monitor = Monitor(WaiterList<Void>())

    public init() {}

    /// Waits for a notification. Tasks are notified in the order in which they came.
    ///
    /// - Parameter timeout: nil: no limit.
    /// - Returns: false if the timeout passed first.
    /// - Throws: `CancellationError` if the task is cancelled.
    ///
    /// Tornado: `Condition.wait`.
    @discardableResult
    public func wait(timeout: Duration? = nil) async throws -> Bool {
        do {
            try await monitor.wait(timeout: timeout, on: IOLoop.currentIfAny) { waiters, waiter, _ in
                waiters.append(waiter)
                return nil
            }
            return true
        } catch is TimeoutError {
            return false
        }
    }

    /// Resumes the `count` tasks that have waited longest. Tornado: `Condition.notify`.
    public func notify(_ count: Int = 1) {
        monitor.update { waiters, wakeups in
            for _ in 0..<max(count, 0) where !waiters.serveFirst(.success(()), &wakeups) { return }
        }
    }

    /// Resumes every waiting task. Tornado: `Condition.notify_all`.
    public func notifyAll() {
        monitor.update { waiters, wakeups in waiters.serveAll(.success(()), &wakeups) }
    }
}
