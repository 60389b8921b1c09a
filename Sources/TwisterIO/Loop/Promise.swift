/// The writing end of a `Future`: whoever holds it owes the result, and sets it once. Any thread.
///
/// A promise that goes away without a result fails its future with `FutureError.abandoned`, so that nobody waits for ever.
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
    /// - Throws: `FutureError.alreadyDone` where the future is done or cancelled.
    ///
    /// Tornado: `Future.set_result`.
    public func setResult(_ value: Value) throws(FutureError) { try set(.success(value)) }

    /// Fails the future with `error`. Callbacks run in a later turn.
    ///
    /// - Throws: `FutureError.alreadyDone` where the future is done or cancelled.
    ///
    /// Tornado: `Future.set_exception`.
    public func setException(_ error: any Error) throws(FutureError) { try set(.failure(error)) }

    private func set(_ result: Result<Value, any Error>) throws(FutureError) {
        guard future.settle(result) else { throw .alreadyDone }
    }

    /// Sets the value where the future was not cancelled meanwhile.
    ///
    /// - Throws: `FutureError.alreadyDone` where it is done otherwise.
    ///
    /// Tornado: `concurrent.future_set_result_unless_cancelled`.
    public func setResultUnlessCancelled(_ value: Value) throws(FutureError) {
        guard future.settle(.success(value)) || future.isCancelled else { throw .alreadyDone }
    }
}

extension Promise where Value == Void {
    /// Says that it is done. Tornado: `Future.set_result(None)`.
    public func setResult() throws(FutureError) { try setResult(()) }
}
