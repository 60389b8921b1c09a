/// A token bucket, as a pure function of time: `burst` tokens, of which each request takes one, and which come back at an
/// even rate.
///
/// What has to be kept of a client is one time, until which its requests are paid for: with each request it moves on by
/// the interval between two. It may lie ahead of now by what a burst costs (ITU-T I.371: the generic cell rate algorithm).
package struct RequestRate: Sendable {
    /// Nanoseconds that a token takes to come back.
    private let interval: UInt64
    /// How far ahead of now a client may be when it asks.
    private let tolerance: UInt64

    package init(perSecond rate: Double, burst: Int) {
        // Once in thirty years is the least, so that sums with a clock's time stay in range.
        interval = UInt64(min(max(1e9 / rate, 1), 1e18))
        let (product, isOver) = interval.multipliedReportingOverflow(by: UInt64(max(burst, 1) - 1))
        tolerance = isOver ? 1 << 62 : min(product, 1 << 62)
    }

    /// Takes a token where there is one. Answers 0, or how many nanoseconds later there is one.
    package func take(_ paidUntil: inout UInt64, at now: UInt64) -> UInt64 {
        let start = max(paidUntil, now)
        let ahead = start - now
        guard ahead <= tolerance else { return ahead - tolerance }
        let (end, isOver) = start.addingReportingOverflow(interval)
        paidUntil = isOver ? .max : end
        return 0
    }
}
