import Synchronization

extension IOLoop {
    /// Runs blocking `work` on a thread of `executor` and waits for it without blocking the loop. May be called from any task,
    /// which then continues on its own executor: a task of this loop on this loop.
    ///
    /// - Parameter executor: nil: the loop's default executor.
    /// - Throws: the error that `work` throws; `ExecutorError` if the executor refuses the work; `CancellationError` if the
    ///   task is cancelled before `work` begins. See `ExecutorPool.run`.
    ///
    /// Tornado: `IOLoop.run_in_executor`, `concurrent.run_on_executor`.
    public func runInExecutor<Value: Sendable>(
        _ executor: ExecutorPool? = nil, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await (executor ?? defaultExecutor).run(work)
    }

    /// The executor that `runInExecutor` uses by default. It is created at its first use and shut down with the loop. May be
    /// used from any thread.
    public var defaultExecutor: ExecutorPool {
        executors.withLock { executors in
            if let executor = executors.given ?? executors.own { return executor }
            let executor = ExecutorPool()
            // A closed loop will not shut it down later.
            if executors.isClosed { executor.shutDown() }
            executors.own = executor
            return executor
        }
    }

    /// Replaces the default executor. The caller, not the loop, shuts it down. May be called from any thread.
    ///
    /// Tornado: `IOLoop.set_default_executor`.
    public func setDefaultExecutor(_ executor: ExecutorPool) {
        let own = executors.withLock { executors in
            executors.given = executor
            return executors.own.take()
        }
        own?.shutDown(finishing: true)
    }

    /// Shuts down the executor that the loop has created, when the loop is closed.
    func shutDownExecutor() {
        let own = executors.withLock { executors in
            executors.isClosed = true
            return executors.own
        }
        own?.shutDown()
    }
}

/// The default executors of a loop.
struct LoopExecutors: Sendable {
    /// Created by the loop, which shuts it down.
    var own: ExecutorPool?
    /// Given by the application.
    var given: ExecutorPool?
    var isClosed = false
}
