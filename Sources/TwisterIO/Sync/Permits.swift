/// The permits of a semaphore or lock, and the tasks that wait for one.
final class Permits: Sendable {
    private struct State: Sendable {
        var free: Int
        let waiters = WaiterList<Void>()
    }
    private let monitor: Monitor<State>
    private let limit: Int?

    /// - Parameter limit: the most permits that may be free; nil: no limit.
    init(_ count: Int, limit: Int?) {
        precondition(count >= 0, "a semaphore's value is not negative")
        monitor = Monitor(State(free: count))
        self.limit = limit
    }

    var free: Int { monitor.withLock(\.free) }

    func tryAcquire() -> Bool {
        monitor.withLock { state in
            // No permit is free while a task waits: `release` passes it to the task.
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
    }

    func acquire(timeout: Duration?) async throws {
        if tryAcquire() { return }
        try await monitor.wait(timeout: timeout, on: IOLoop.currentIfAny) { state, waiter, _ in
            if state.free > 0 {
                state.free -= 1
                return .success(())
            }
            state.waiters.append(waiter)
            return nil
        }
    }

    /// Releases a permit, and returns whether the limit allowed it.
    func release() -> Bool {
        monitor.update { state, wakeups in
            if state.waiters.serveFirst(.success(()), &wakeups) { return true }
            if let limit, state.free >= limit { return false }
            state.free += 1
            return true
        }
    }
}

/// A bounded semaphore or a lock was released more often than it was acquired.
public struct OverReleaseError: Error, CustomStringConvertible, Sendable {
    init() {}

    public var description: String { "released more often than acquired" }
}
