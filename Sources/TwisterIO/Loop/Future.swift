import Logging

/// A result that may not be known yet. It is set once, by the future's `Promise` or by the async work that the future was
/// created for.
///
/// A future belongs to a loop. Its callbacks run on that loop's thread in the order in which they were added: in a later turn
/// than the one in which the result was set, and never within the call that sets it. All members may be used from any thread.
///
/// In async code, use `try await future.value`. The error of a failed future is logged if the future is released before its
/// result was read.
///
/// Tornado: `concurrent.Future`.
public final class Future<Value: Sendable>: Sendable {
    /// A function that is called once the future is done.
    public typealias Callback = @Sendable (Future<Value>) throws -> Void

    private struct State: Sendable {
        var result: Result<Value, any Error>?
        var isCancelled = false
        var isRetrieved = false
        var callbacks: [(loop: IOLoop, body: Callback)] = []
        let waiters = WaiterList<Value>()
        var cancelWork: (@Sendable () -> Void)?
    }
    private let monitor: Monitor<State>

    /// The loop whose thread the callbacks run on.
    public let loop: IOLoop

    /// Creates a future that a promise sets.
    init(on loop: IOLoop) {
        self.loop = loop
        monitor = Monitor(State())
    }

    /// Creates a future that is done. Tornado: `gen.maybe_future`.
    public init(on loop: IOLoop, result: Result<Value, any Error>) {
        self.loop = loop
        monitor = Monitor(State(result: result))
    }

    /// Creates the future of `work`, which starts as a task of `loop` in its next turn. `cancel` cancels the task. If the loop
    /// is closed, the future has failed with `IOLoopError.closed`.
    public convenience init(on loop: IOLoop, _ work: @escaping @Sendable () async throws -> Value) {
        self.init(on: loop)
        if loop.inbox.isClosed {
            settle(.failure(IOLoopError.closed))
            return
        }
        let task = Task(executorPreference: loop) { [self] in
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            if !settle(result) { Self.logLate(result) }
        }
        monitor.withLock { state in
            if state.result == nil { state.cancelWork = { task.cancel() } }
        }
    }

    deinit {
        let error = monitor.withLock { state -> (any Error)? in
            guard case .failure(let error) = state.result, !state.isRetrieved else { return nil }
            return error is CancellationError || error is FutureError ? nil : error
        }
        if let error { Log.application.error("Future exception was never retrieved: \(error)") }
    }

    // MARK: State

    /// Whether the future has a value or an error, or was cancelled. Tornado: `Future.done`.
    public var isDone: Bool { monitor.withLock { $0.result != nil } }

    /// Whether `cancel` has ended it. Tornado: `Future.cancelled`.
    public var isCancelled: Bool { monitor.withLock(\.isCancelled) }

    /// The result; nil until the future is done. `try future.result?.get()` throws the error of the work.
    ///
    /// Tornado: `Future.result`.
    public var result: Result<Value, any Error>? {
        monitor.withLock { state in
            if state.result != nil { state.isRetrieved = true }
            return state.result
        }
    }

    /// The error; nil until the future is done, and if it has succeeded. Tornado: `Future.exception`.
    public var error: (any Error)? {
        guard case .failure(let error) = result else { return nil }
        return error
    }

    // MARK: Waiting

    /// Waits for the value. The caller then continues on its own executor.
    ///
    /// - Throws: the future's error; `CancellationError` if the future or the waiting task is cancelled. Cancelling the waiting
    ///   task does not cancel the future.
    public var value: Value {
        get async throws { try await value(timeout: nil, on: nil) }
    }

    func value(timeout: Duration?, on loop: IOLoop?) async throws -> Value {
        if let result { return try result.get() }
        return try await monitor.wait(timeout: timeout, on: loop ?? IOLoop.currentIfAny) { state, waiter, _ in
            state.isRetrieved = state.result != nil
            if let result = state.result { return result }
            state.waiters.append(waiter)
            return nil
        }
    }

    /// Calls `callback` with this future in a later turn of its loop, even if the future is done already. An error that
    /// `callback` throws is logged.
    ///
    /// Tornado: `Future.add_done_callback`.
    public func addDoneCallback(_ callback: @escaping Callback) { addDoneCallback(on: loop, callback) }

    func addDoneCallback(on loop: IOLoop, _ callback: @escaping Callback) {
        let isDone = monitor.withLock { state in
            if state.result == nil { state.callbacks.append((loop, callback)) }
            return state.result != nil
        }
        if isDone { loop.addCallback { try callback(self) } }
    }

    /// Sets the result of `promise` to this future's result, unless the promise is done by then.
    ///
    /// Tornado: `concurrent.chain_future`.
    public func chain(to promise: Promise<Value>) {
        addDoneCallback { source in
            guard let result = source.result else { return }
            promise.future.settle(result)
        }
    }

    // MARK: Setting

    /// Ends the future with `CancellationError`, and cancels the work that it was created for.
    ///
    /// - Returns: false if the future was done before.
    ///
    /// Tornado: `Future.cancel`.
    @discardableResult
    public func cancel() -> Bool {
        let cancelWork = monitor.withLock { state in state.cancelWork.take() }
        let isCancelled = settle(.failure(CancellationError()), isCancelled: true)
        if isCancelled { cancelWork?() }
        return isCancelled
    }

    /// Sets the result.
    ///
    /// - Returns: false if the future was done before; then nothing changes.
    @discardableResult
    func settle(_ result: Result<Value, any Error>, isCancelled: Bool = false) -> Bool {
        let callbacks = monitor.update { state, wakeups -> [(loop: IOLoop, body: Callback)]? in
            guard state.result == nil else { return nil }
            state.result = result
            state.isCancelled = isCancelled
            state.isRetrieved = !state.waiters.isEmpty
            state.waiters.serveAll(result, &wakeups)
            state.cancelWork = nil
            // The callbacks are released, so that they do not keep objects alive as long as the future.
            defer { state.callbacks = [] }
            return state.callbacks
        }
        guard let callbacks else { return false }
        for callback in callbacks { callback.loop.addCallback { try callback.body(self) } }
        return true
    }

    /// Logs the error of work that was cancelled, because its future no longer takes a result.
    private static func logLate(_ result: Result<Value, any Error>) {
        guard case .failure(let error) = result, !(error is CancellationError) else { return }
        Log.application.error("Error in cancelled work: \(error)")
    }
}

/// The writing end of a `Future`, which sets its result once. May be used from any thread.
///
/// A promise that is released without a result fails its future with `FutureError.abandoned`, so that no task waits for ever.
///
/// Tornado: `Future.set_result`, `Future.set_exception`.
public final class Promise<Value: Sendable>: Sendable {
    /// The reading end.
    public let future: Future<Value>

    /// - Parameter loop: the loop whose thread the future's callbacks run on.
    public init(on loop: IOLoop) { future = Future(on: loop) }

    deinit { future.settle(.failure(FutureError.abandoned)) }

    /// Sets the value. Callbacks run in a later turn.
    ///
    /// - Throws: `FutureError.alreadyDone` if the future is done or cancelled.
    ///
    /// Tornado: `Future.set_result`.
    public func setResult(_ value: Value) throws(FutureError) { try set(.success(value)) }

    /// Fails the future with `error`. Callbacks run in a later turn.
    ///
    /// - Throws: `FutureError.alreadyDone` if the future is done or cancelled.
    ///
    /// Tornado: `Future.set_exception`.
    public func setException(_ error: any Error) throws(FutureError) { try set(.failure(error)) }

    private func set(_ result: Result<Value, any Error>) throws(FutureError) {
        guard future.settle(result) else { throw .alreadyDone }
    }

    /// Sets the value, unless the future was cancelled meanwhile.
    ///
    /// - Throws: `FutureError.alreadyDone` if the future is done, but was not cancelled.
    ///
    /// Tornado: `concurrent.future_set_result_unless_cancelled`.
    public func setResultUnlessCancelled(_ value: Value) throws(FutureError) {
        guard future.settle(.success(value)) || future.isCancelled else { throw .alreadyDone }
    }
}

extension Promise where Value == Void {
    /// Marks the future as done. Tornado: `Future.set_result(None)`.
    public func setResult() throws(FutureError) { try setResult(()) }
}

/// A wrong use of a future or promise.
public enum FutureError: Error, CustomStringConvertible, Sendable {
    /// The future has a result already, or was cancelled. Tornado: `asyncio.InvalidStateError`.
    case alreadyDone
    /// The promise was released without a result: the future would never be done.
    case abandoned

    public var description: String {
        switch self {
        case .alreadyDone: "the future is done already"
        case .abandoned: "the promise was dropped without a result"
        }
    }
}
