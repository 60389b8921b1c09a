extension IOLoop {
    /// Takes a place for work that does a part of itself in every turn of the loop, such as compressing a long message. Each of
    /// these works holds memory until it is done, so that few may be under way at once; the others wait in line.
    ///
    /// - Parameter isShort: whether the work is rather done in one turn than waits.
    /// - Returns: whether the work has a place, which it gives back by `leaveLongWork`; false where it is short and none is free.
    /// - Throws: `CancellationError`; there is no place to give back then.
    package func beginLongWork(isShort: Bool) async throws -> Bool {
        let places = local { LongWork() }.places
        if places.tryAcquire() { return true }
        if isShort { return false }
        try await places.acquire()
        return true
    }

    /// Gives back the place.
    package func leaveLongWork() { local { LongWork() }.places.release() }
}

private final class LongWork {
    let places = AsyncSemaphore(value: 8)
}
