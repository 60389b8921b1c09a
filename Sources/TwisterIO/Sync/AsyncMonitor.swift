/// State that tasks of several loops share, and wait on until it is as they need it.
///
/// A task looks at the state and begins to wait under one lock, so that no change is lost in between. This is the difference
/// to `AsyncCondition`, which is for the tasks of one loop.
///
///     let room = AsyncMonitor(MessageBuffer())
///     room.update { $0.add(message) }
///     let news = try await room.wait { $0.messages(after: cursor) }
///
/// May be used from any thread. Each waiting task continues on its own executor: a loop's task on its loop. A change costs a
/// look at the state for each task that waits.
///
/// Tornado: `locks.Condition` with the state that it is about.
public final class AsyncMonitor<State: Sendable>: Sendable {
    private struct Guarded: Sendable {
        var state: State
        let waiters = WaiterList<Void>()
    }

    /// A task that waits, with what it waits for.
    private final class Looking<Result: Sendable>: LookingAtState<State>, @unchecked Sendable {
        private let look: @Sendable (State) -> Result?
        private(set) var result: Result?

        init(_ look: @escaping @Sendable (State) -> Result?) { self.look = look }

        override func isSatisfied(by state: State) -> Bool {
            result = look(state)
            return result != nil
        }
    }

    private let monitor: Monitor<Guarded>

    /// - Parameter state: the state at the beginning.
    public init(_ state: State) { monitor = Monitor(Guarded(state: state)) }

    /// Reads the state.
    ///
    /// - Parameter body: called under the lock; must not use this monitor.
    public func read<Result: Sendable, Failure: Error>(
        _ body: (State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try monitor.update { (guarded, _) throws(Failure) in try body(guarded.state) }
    }

    /// Changes the state, and resumes the tasks that wait for what it now is.
    ///
    /// - Parameter body: called under the lock; must not use this monitor. What it has changed stays changed if it throws.
    ///
    /// Tornado: `Condition.notify_all`, after the change.
    @discardableResult
    public func update<Result: Sendable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let result = monitor.update { guarded, wakeups in
            let result: Swift.Result<Result, Failure>
            do throws(Failure) { result = .success(try body(&guarded.state)) } catch { result = .failure(error) }
            guarded.waiters.serve(
                where: { ($0 as? LookingAtState<State>)?.isSatisfied(by: guarded.state) ?? false }, &wakeups)
            return result
        }
        return try result.get()
    }

    /// Waits until `look` finds in the state what the task needs, and returns that. If it is there already, returns without
    /// suspending.
    ///
    /// - Parameters:
    ///   - timeout: nil: no limit.
    ///   - look: returns nil if the task has to wait. Called under the lock, at once and after each change, by the thread that
    ///     changes the state; must be short, and must not use this monitor.
    /// - Throws: `TimeoutError`; `CancellationError` if the task is cancelled while it waits; `IOLoopError.closed` if its loop is
    ///   closed before the timeout.
    ///
    /// Tornado: `Condition.wait`, in a loop that looks at the state.
    public func wait<Result: Sendable>(
        timeout: Duration? = nil, _ look: @escaping @Sendable (State) -> Result?
    ) async throws -> Result {
        let task = Looking(look)
        try await monitor.wait(task, timeout: timeout, on: IOLoop.currentIfAny) { guarded, waiter, _ in
            if task.isSatisfied(by: guarded.state) { return .success(()) }
            guarded.waiters.append(waiter)
            return nil
        }
        // The wait has succeeded, so there is a result; no other thread touches it any more.
        guard let result = task.result else { throw CancellationError() }
        return result
    }
}

/// A task that waits for a state that satisfies it.
private class LookingAtState<State>: Waiter<Void>, @unchecked Sendable {
    func isSatisfied(by state: State) -> Bool { false }
}
