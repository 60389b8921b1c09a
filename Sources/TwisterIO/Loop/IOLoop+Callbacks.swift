import Logging
import Synchronization

extension IOLoop {
    /// Runs `callback` in the next turn, on the loop's thread; first come, first served. Any thread: a sleeping loop wakes.
    ///
    /// What it throws is logged and the loop goes on. A loop that is closed drops it.
    ///
    /// Tornado: `IOLoop.add_callback`.
    public func addCallback(_ callback: @escaping @Sendable () throws -> Void) {
        if isCurrentThread {
            guard !isClosed else { return }
            callbacks.append(callback)
        } else {
            if inbox.put(callback) { reactor.wakeup() }
        }
    }

    /// The same for what must not leave the loop's thread.
    package func addLocalCallback(_ callback: @escaping () throws -> Void) {
        preconditionOnLoop()
        guard !isClosed else { return }
        callbacks.append(callback)
    }

    /// Starts `work` as a task of this loop in the next turn; an error it throws is logged. Any thread.
    ///
    /// Tornado: `IOLoop.spawn_callback`.
    @discardableResult
    public func spawnCallback(_ work: @escaping @Sendable () async throws -> Void) -> Task<Void, Never> {
        Task(executorPreference: self) {
            do {
                try await work()
            } catch is CancellationError {
                // Cancelled work has nothing to report.
            } catch {
                Log.application.error("Exception in callback: \(error)")
            }
        }
    }
}
