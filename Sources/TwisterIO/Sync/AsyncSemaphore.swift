/// A number of permits, which tasks acquire and release, to limit how many tasks do something at once.
///
/// A released permit goes to the task that has waited longest; no other task can take it first.
/// May be used from any thread. Each waiting task continues on its own executor: a loop's task on its loop.
///
/// Tornado: `locks.Semaphore`.
public final class AsyncSemaphore: Sendable {
    private let permits: Permits

    /// - Parameter value: the number of permits at the beginning; not negative.
    public init(value: Int = 1) { permits = Permits(value, limit: nil) }

    /// The number of free permits.
    public var value: Int { permits.free }

    /// Takes a permit, and waits for one if none is free.
    ///
    /// - Parameter timeout: nil: no limit.
    /// - Throws: `TimeoutError`, or `CancellationError` if the task is cancelled while it waits; the task has no permit then.
    ///
    /// Tornado: `Semaphore.acquire`.
    public func acquire(timeout: Duration? = nil) async throws { try await permits.acquire(timeout: timeout) }

    /// Takes a permit if one is free, and returns whether one was.
    public func tryAcquire() -> Bool { permits.tryAcquire() }

    /// Releases a permit, or adds one. Tornado: `Semaphore.release`.
    public func release() { _ = permits.release() }

    /// Runs `body` with a permit, which is released even if `body` throws.
    ///
    /// - Throws: the error of `acquire` or `body`.
    ///
    /// Tornado: `async with semaphore`.
    public func withPermit<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await acquire()
        defer { release() }
        return try await body()
    }
}
