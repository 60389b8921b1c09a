extension IOLoop {
    /// Runs the loop until `work` is done, as a program's `main` does, and gives back its result. On the loop's thread,
    /// while the loop does not run.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: what `work` throws; `TimeoutError` when the time is up, where `work` is cancelled; `IOLoopError.stopped`
    ///   where something else stopped the loop first, and `work` is cancelled too.
    ///
    /// Tornado: `IOLoop.run_sync`.
    public func runSync<Value>(
        timeout: Duration? = nil, _ work: @escaping () async throws -> Value
    ) throws -> Value {
        preconditionOnLoop()
        let run = SyncRun(self, work)
        let task = Task(executorPreference: self) { await run.main() }
        var isTimedOut = false
        let timer = timeout.map { timeout in
            callLater(timeout) { [self] in
                isTimedOut = true
                stop()
            }
        }
        self.run()
        run.isWaitedFor = false
        if let timer { removeTimeout(timer) }
        if let result = run.result { return try result.get() }
        task.cancel()
        if isTimedOut, let timeout { throw TimeoutError(after: timeout) }
        throw IOLoopError.stopped
    }
}

/// One `runSync`: the loop's thread waits in it and runs its task, so nothing of it ever leaves that thread.
private final class SyncRun<Value>: @unchecked Sendable {
    private let loop: IOLoop
    private let work: () async throws -> Value
    private(set) var result: Result<Value, any Error>?
    /// Work that ends after it was given up must not stop another run of the loop.
    var isWaitedFor = true

    init(_ loop: IOLoop, _ work: @escaping () async throws -> Value) {
        self.loop = loop
        self.work = work
    }

    func main() async {
        do { result = .success(try await work()) } catch { result = .failure(error) }
        if isWaitedFor { loop.stop() }
    }
}
