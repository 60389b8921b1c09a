import Synchronization

extension IOLoop {
    /// Runs blocking `work` on a thread of `executor` and waits for it without blocking the loop. Any task; it goes on on its
    /// own executor, a task of this loop on this loop.
    ///
    /// - Parameter executor: nil: the loop's default executor.
    /// - Throws: what `work` throws; `ExecutorError` where the executor cannot take it; `CancellationError` where the task
    ///   is cancelled before `work` began. See `ExecutorPool.run`.
    ///
    /// Tornado: `IOLoop.run_in_executor`, `concurrent.run_on_executor`.
    public func runInExecutor<Value: Sendable>(
        _ executor: ExecutorPool? = nil, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await (executor ?? defaultExecutor).run(work)
    }

    /// The executor that `runInExecutor` takes where it is given none: made at first use, shut down with the loop. Any
    /// thread.
    public var defaultExecutor: ExecutorPool {
        executors.withLock { executors in
            if let executor = executors.given ?? executors.own { return executor }
            let executor = ExecutorPool()
            // A closed loop has nobody left to shut down a pool.
            if executors.isClosed { executor.shutDown() }
            executors.own = executor
            return executor
        }
    }

    /// Replaces the default executor with one that the caller owns, and shuts down; the loop does not. Any thread.
    ///
    /// Tornado: `IOLoop.set_default_executor`.
    public func setDefaultExecutor(_ executor: ExecutorPool) {
        let own = executors.withLock { executors in
            executors.given = executor
            return executors.own.take()
        }
        own?.shutDown(finishing: true)
    }

    /// The loop's end is its own pool's end.
    func shutDownExecutor() {
        let own = executors.withLock { executors in
            executors.isClosed = true
            return executors.own
        }
        own?.shutDown()
    }
}

/// The default executor of a loop.
struct LoopExecutors: Sendable {
    /// Made by the loop, which shuts it down.
    var own: ExecutorPool?
    /// Given by the application.
    var given: ExecutorPool?
    var isClosed = false
}
