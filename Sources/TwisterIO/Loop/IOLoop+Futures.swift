extension IOLoop {
    /// Calls `callback` with `future` on this loop's thread once it is done: in a later turn, also where it is done already.
    /// What it throws is logged. Any thread.
    ///
    /// Tornado: `IOLoop.add_future`.
    public func addFuture<Value: Sendable>(_ future: Future<Value>, _ callback: @escaping Future<Value>.Callback) {
        future.addDoneCallback(on: self, callback)
    }
}
