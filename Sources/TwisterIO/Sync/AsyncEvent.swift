/// A flag that tasks wait for. Setting it resumes all waiting tasks; until it is cleared, further tasks do not wait.
///
/// May be used from any thread. Each waiting task continues on its own executor: a loop's task on its loop.
///
/// Tornado: `locks.Event`.
public final class AsyncEvent: Sendable {
    private struct State: Sendable {
        var isSet: Bool
        let waiters = WaiterList<Void>()
    }
    private let monitor: Monitor<State>

    /// - Parameter isSet: whether the event is set at the beginning. Default false.
    public init(isSet: Bool = false) { monitor = Monitor(State(isSet: isSet)) }

    /// Whether the event is set. Tornado: `Event.is_set`.
    public var isSet: Bool { monitor.withLock(\.isSet) }

    /// Sets the event and resumes all waiting tasks, even if `clear` follows at once. Does nothing if it is set already.
    ///
    /// Tornado: `Event.set`.
    public func set() {
        monitor.update { state, wakeups in
            state.isSet = true
            state.waiters.serveAll(.success(()), &wakeups)
        }
    }

    /// Clears the event, so that `wait` waits again. Tornado: `Event.clear`.
    public func clear() { monitor.withLock { $0.isSet = false } }

    /// Waits until the event is set. If it is, returns without suspending.
    ///
    /// - Parameter timeout: nil: no limit.
    /// - Throws: `TimeoutError`, or `CancellationError` if the task is cancelled while it waits.
    ///
    /// Tornado: `Event.wait`.
    public func wait(timeout: Duration? = nil) async throws {
        if isSet { return }
        try await monitor.wait(timeout: timeout, on: IOLoop.currentIfAny) { state, waiter, _ in
            if state.isSet { return .success(()) }
            state.waiters.append(waiter)
            return nil
        }
    }
}
