/// A flag that tasks wait for: once set, every waiter goes on, and later ones do not wait, until it is cleared.
///
/// May be used from any thread; each waiting task goes on where it ran, a loop's task on its loop.
///
/// Tornado: `locks.Event`.
public final class AsyncEvent: Sendable {
    private struct State: Sendable {
        var isSet: Bool
        let waiters = WaiterList<Void>()
    }
    private let monitor: Monitor<State>

    /// - Parameter isSet: whether the event is set from the beginning. Default: it is not.
    public init(isSet: Bool = false) { monitor = Monitor(State(isSet: isSet)) }

    /// Whether it is set. Tornado: `Event.is_set`.
    public var isSet: Bool { monitor.withLock(\.isSet) }

    /// Sets it and lets every waiter go on, even where `clear` follows at once. Set already: nothing happens.
    ///
    /// Tornado: `Event.set`.
    public func set() {
        monitor.update { state, wakeups in
            state.isSet = true
            state.waiters.serveAll(.success(()), &wakeups)
        }
    }

    /// From here on, `wait` waits again. Tornado: `Event.clear`.
    public func clear() { monitor.withLock { $0.isSet = false } }

    /// Waits until it is set; where it is, returns without suspending.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: `TimeoutError`, or `CancellationError` where the task is cancelled while it waits.
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
