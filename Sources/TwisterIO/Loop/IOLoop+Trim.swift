/// Gives memory back to the system after a crowd: buffers of the pool, and the free memory of the heap, which the allocator
/// would otherwise keep for as long as the process lives.
extension IOLoop {
    /// How long after a burst of work memory is given back: a second burst may follow the first one. In nanoseconds.
    private static let trimDelay: UInt64 = 400_000_000

    /// Called before a wait that may be long. A loop that has nothing to give back does not wake up for this.
    @inline(__always)
    func trimLater() {
        if reactor.isTrimmable, !streams.isTrimDue { scheduleTrim() }
    }

    @inline(never)
    private func scheduleTrim() {
        streams.isTrimDue = true
        callAt(Instant(nanoseconds: now &+ Self.trimDelay)) { [self] in
            streams.isTrimDue = false
            reactor.trim()
        }
    }
}
