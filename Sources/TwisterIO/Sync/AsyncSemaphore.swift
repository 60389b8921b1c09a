/// A number of permits, which tasks acquire and release: at most that many are at work at once.
///
/// First come, first served: a permit that is released goes to the task that has waited longest, and nobody overtakes it.
/// May be used from any thread; each waiting task goes on where it ran, a loop's task on its loop.
///
/// Tornado: `locks.Semaphore`.
public final class AsyncSemaphore: Sendable {
    private let permits: Permits

    /// - Parameter value: the permits that are there at the beginning; not negative.
    public init(value: Int = 1) { permits = Permits(value, limit: nil) }

    /// Permits that are free.
    public var value: Int { permits.free }

    /// Takes a permit, and waits for one where none is free.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: `TimeoutError`, or `CancellationError` where the task is cancelled while it waits; then it has no permit.
    ///
    /// Tornado: `Semaphore.acquire`.
    public func acquire(timeout: Duration? = nil) async throws { try await permits.acquire(timeout: timeout) }

    /// Takes a permit where one is free; whether one was.
    public func tryAcquire() -> Bool { permits.tryAcquire() }

    /// Gives a permit back, or adds one. Tornado: `Semaphore.release`.
    public func release() { _ = permits.release() }

    /// Runs `body` with a permit, which is released however `body` ends.
    ///
    /// - Throws: what `acquire` or `body` throws.
    ///
    /// Tornado: `async with semaphore`.
    public func withPermit<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await acquire()
        defer { release() }
        return try await body()
    }
}
