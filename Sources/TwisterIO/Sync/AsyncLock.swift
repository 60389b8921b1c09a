/// Mutual exclusion among tasks, over suspensions: one task at a time holds it, the others wait in line without a thread.
///
/// For what must not be interleaved across an `await`. Between two `await`s nothing interleaves on a loop, and no lock is
/// needed. May be used from any thread; each waiting task goes on where it ran. Not reentrant.
///
/// Tornado: `locks.Lock`.
public final class AsyncLock: Sendable {
    private let permits = Permits(1, limit: 1)

    public init() {}

    /// Whether a task holds it.
    public var isLocked: Bool { permits.free == 0 }

    /// Waits for the lock; first come, first served.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: `TimeoutError`, or `CancellationError` where the task is cancelled while it waits; then it has no lock.
    ///
    /// Tornado: `Lock.acquire`.
    public func acquire(timeout: Duration? = nil) async throws { try await permits.acquire(timeout: timeout) }

    /// Takes the lock where it is free; whether it was.
    public func tryAcquire() -> Bool { permits.tryAcquire() }

    /// Lets the task that has waited longest have it.
    ///
    /// - Throws: `OverReleaseError` where nobody holds it.
    ///
    /// Tornado: `Lock.release`.
    public func release() throws(OverReleaseError) {
        guard permits.release() else { throw OverReleaseError() }
    }

    /// Runs `body` while holding the lock, which is released however `body` ends.
    ///
    /// - Throws: what `acquire` or `body` throws.
    ///
    /// Tornado: `async with lock`.
    public func withLock<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await acquire()
        defer { _ = permits.release() }
        return try await body()
    }
}
