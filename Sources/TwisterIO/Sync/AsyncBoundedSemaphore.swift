/// A semaphore that never holds more permits than it began with: releasing one too many is an error, because it shows that
/// somebody released what it did not hold.
///
/// Tornado: `locks.BoundedSemaphore`.
public final class AsyncBoundedSemaphore: Sendable {
    private let permits: Permits

    /// - Parameter value: the permits that there are; not negative.
    public init(value: Int = 1) { permits = Permits(value, limit: value) }

    /// Permits that are free.
    public var value: Int { permits.free }

    /// Takes a permit, and waits for one where none is free; first come, first served.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: `TimeoutError`, or `CancellationError` where the task is cancelled while it waits; then it has no permit.
    ///
    /// Tornado: `BoundedSemaphore.acquire`.
    public func acquire(timeout: Duration? = nil) async throws { try await permits.acquire(timeout: timeout) }

    /// Takes a permit where one is free; whether one was.
    public func tryAcquire() -> Bool { permits.tryAcquire() }

    /// Gives a permit back.
    ///
    /// - Throws: `OverReleaseError` where none was out.
    ///
    /// Tornado: `BoundedSemaphore.release`.
    public func release() throws(OverReleaseError) {
        guard permits.release() else { throw OverReleaseError() }
    }

    /// Runs `body` with a permit, which is released however `body` ends.
    ///
    /// - Throws: what `acquire` or `body` throws.
    ///
    /// Tornado: `async with semaphore`.
    public func withPermit<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await acquire()
        defer { _ = permits.release() }
        return try await body()
    }
}
