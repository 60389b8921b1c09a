/// A semaphore that never has more permits than at the beginning. Releasing a permit too many is an error, because it shows
/// that a task has released a permit that it did not hold.
///
/// Tornado: `locks.BoundedSemaphore`.
public final class AsyncBoundedSemaphore: Sendable {
    private let permits: Permits

    /// - Parameter value: the number of permits; not negative.
    public init(value: Int = 1) { permits = Permits(value, limit: value) }

    /// The number of free permits.
    public var value: Int { permits.free }

    /// Takes a permit, and waits for one if none is free. Waiting tasks are served in the order in which they came.
    ///
    /// - Parameter timeout: nil: no limit.
    /// - Throws: `TimeoutError`, or `CancellationError` if the task is cancelled while it waits; the task has no permit then.
    ///
    /// Tornado: `BoundedSemaphore.acquire`.
    public func acquire(timeout: Duration? = nil) async throws { try await permits.acquire(timeout: timeout) }

    /// Takes a permit if one is free, and returns whether one was.
    public func tryAcquire() -> Bool { permits.tryAcquire() }

    /// Releases a permit.
    ///
    /// - Throws: `OverReleaseError` if no permit was taken.
    ///
    /// Tornado: `BoundedSemaphore.release`.
    public func release() throws(OverReleaseError) {
        guard permits.release() else { throw OverReleaseError() }
    }

    /// Runs `body` with a permit, which is released even if `body` throws.
    ///
    /// - Throws: the error of `acquire` or `body`.
    ///
    /// Tornado: `async with semaphore`.
    public func withPermit<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await acquire()
        defer { _ = permits.release() }
        return try await body()
    }
}
