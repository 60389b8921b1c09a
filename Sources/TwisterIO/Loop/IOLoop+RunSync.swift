extension IOLoop {
    /// Runs the loop until `work` is done, as a program's `main` does, and returns its result. On the loop's thread, while
    /// the loop does not run.
    ///
    /// - Parameter timeout: how long `work` may take; nil: no limit.
    /// - Throws: the error that `work` throws; `TimeoutError` after `timeout`; `IOLoopError.stopped` if something else stopped
    ///   the loop first. In the last two cases `work` is cancelled.
    ///
    /// Tornado: `IOLoop.run_sync`.
    public func runSync<Value>(
        timeout: Duration? = nil, _ work: @escaping () async throws -> Value
    ) throws -> Value {
        preconditionOnLoop()
        let run = SyncRun(work) { [self] in stop() }
        let task = Task(executorPreference: self) { await run.main() }
        let timer = timeout.map { callLater($0) { run.timeOut() } }
        self.run()
        run.isWaitedFor = false
        if let timer { removeTimeout(timer) }
        if let result = run.result { return try result.get() }
        task.cancel()
        if run.isTimedOut, let timeout { throw TimeoutError(after: timeout) }
        throw IOLoopError.stopped
    }
}

/// One call of `runSync`.
///
/// Sendable, because it never leaves the loop's thread, which waits in `runSync` and runs the task meanwhile.
private final class SyncRun<Value>: @unchecked Sendable {
    private let work: () async throws -> Value
    private let stopLoop: () -> Void
    private(set) var result: Result<Value, any Error>?
    private(set) var isTimedOut = false
    /// Work that ends after `runSync` has returned must not stop another run of the loop.
    var isWaitedFor = true

    init(_ work: @escaping () async throws -> Value, stopLoop: @escaping () -> Void) {
        self.work = work
        self.stopLoop = stopLoop
    }

    func main() async {
        do { result = .success(try await work()) } catch { result = .failure(error) }
        if isWaitedFor { stopLoop() }
    }

    func timeOut() {
        isTimedOut = true
        stopLoop()
    }
}
