/// Counts events against a rate: `burst` at once, and `perSecond` more in each second.
struct TokenBucket {
    private let burst: Int
    private let perSecond: UInt64
    private var tokens: Int
    private var refilledAt: UInt64

    init(_ rate: HTTP2Configuration.FrameRate, at now: UInt64) {
        burst = max(rate.burst, 1)
        perSecond = UInt64(max(rate.perSecond, 0))
        tokens = burst
        refilledAt = now
    }

    /// Counts one event. Returns false where it is one too many.
    mutating func take(at now: UInt64) -> Bool {
        if tokens > 0 {
            tokens -= 1
            return true
        }
        // The clock's arithmetic is done only where the tokens are used up.
        let elapsed = now &- min(refilledAt, now)
        let (product, isLong) = elapsed.multipliedReportingOverflow(by: perSecond)
        let earned = isLong ? burst : min(Int(clamping: product / 1_000_000_000), burst)
        guard earned > 0 else { return false }
        tokens = earned - 1
        refilledAt = now
        return true
    }

    /// Allows more events, as long as there are fewer than the burst.
    mutating func add(_ count: Int) { if tokens < burst { tokens += count } }
}
