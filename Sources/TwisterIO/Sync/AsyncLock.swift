/// Mutual exclusion among tasks, which holds across suspensions: one task at a time holds the lock, and the others wait without
/// blocking a thread.
///
/// Use it for code that contains an `await` and must not be interleaved with other tasks. Between two `await`s, the tasks of
/// one loop do not interleave, and no lock is needed. May be used from any thread; each waiting task continues on its own
/// executor. Not reentrant.
///
/// Tornado: `locks.Lock`.
public final class AsyncLock: Sendable {
    private let permits = Permits(1, limit: 1)

    public init() {}

    /// Whether a task holds the lock.
    public var isLocked: Bool { permits.free == 0 }

    /// Waits for the lock. Tasks get it in the order in which they came.
    ///
    /// - Parameter timeout: nil: no limit.
    /// - Throws: `TimeoutError`, or `CancellationError` if the task is cancelled while it waits; the task does not hold the
    ///   lock then.
    ///
    /// Tornado: `Lock.acquire`.
    public func acquire(timeout: Duration? = nil) async throws { try await permits.acquire(timeout: timeout) }

    /// Takes the lock if it is free, and returns whether it was.
    public func tryAcquire() -> Bool { permits.tryAcquire() }

    /// Releases the lock, and passes it to the task that has waited longest.
    ///
    /// - Throws: `OverReleaseError` if no task holds it.
    ///
    /// Tornado: `Lock.release`.
    public func release() throws(OverReleaseError) {
        guard permits.release() else { throw OverReleaseError() }
    }

    /// Runs `body` while holding the lock, which is released even if `body` throws.
    ///
    /// - Throws: the error of `acquire` or `body`.
    ///
    /// Tornado: `async with lock`.
    public func withLock<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await acquire()
        defer { _ = permits.release() }
        return try await body()
    }
}
