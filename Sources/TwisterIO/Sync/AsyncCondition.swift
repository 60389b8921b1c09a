/// Lets tasks wait until another one says that something has changed. It holds no lock and keeps no state: a notification
/// that nobody waits for is lost.
///
/// May be used from any thread; each waiting task goes on where it ran, a loop's task on its loop.
///
/// Tornado: `locks.Condition`.
public final class AsyncCondition: Sendable {
    private let monitor = Monitor(WaiterList<Void>())

    public init() {}

    /// Waits for a notification; tasks are notified in the order in which they came.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Returns: false where the time was up first.
    /// - Throws: `CancellationError` where the task is cancelled.
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

    /// Lets the `count` longest waiting tasks go on. Tornado: `Condition.notify`.
    public func notify(_ count: Int = 1) {
        monitor.update { waiters, wakeups in
            for _ in 0..<max(count, 0) where !waiters.serveFirst(.success(()), &wakeups) { return }
        }
    }

    /// Lets every waiting task go on. Tornado: `Condition.notify_all`.
    public func notifyAll() {
        monitor.update { waiters, wakeups in waiters.serveAll(.success(()), &wakeups) }
    }
}
