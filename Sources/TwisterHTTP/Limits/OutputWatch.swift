/// Watches a client that does not take its responses at once: while some wait, the connection looks at it again and again.
///
/// Two things are too slow: nothing taken for the stall time, and less than the least rate over a stretch of that length.
/// A stretch ends with every look at which it is long enough, so that no credit is kept from better times.
///
/// Time in which nothing waits does not count. A short break does not end the stretch, or a client that takes everything
/// now and then would never be measured; after a long break the watch `isOver`, and what was seen before no longer counts.
package final class OutputWatch {
    /// What one look shows.
    struct Look {
        var now: UInt64
        /// Since when something has waited without a break.
        var waitsSince: UInt64
        /// When the kernel last took some of it.
        var kernelTook: UInt64
        /// Bytes that the client has acknowledged since it came; nil: not known.
        var acknowledged: UInt64?
    }

    private(set) var lastLook: UInt64
    private var acknowledged: UInt64?
    /// When the client was last seen to have taken something.
    private var progress: UInt64
    private var stretchBegan: UInt64
    private var acknowledgedBefore: UInt64?

    init(_ look: Look) {
        lastLook = look.now
        acknowledged = look.acknowledged
        acknowledgedBefore = look.acknowledged
        // Where the client can be asked, it is given the benefit of the doubt for the time before the first look.
        progress = look.acknowledged == nil ? look.kernelTook : look.now
        stretchBegan = look.now
    }

    /// Whether output that has waited since `time` has nothing to do with what was seen before: nothing waited for at least
    /// the `interval` in which one look follows another.
    func isOver(at time: UInt64, interval: UInt64) -> Bool {
        // Had something waited for the first of the two intervals, there would have been a look at its end.
        time > lastLook &+ interval &+ interval
    }

    /// Whether the client is too slow by now.
    func isTooSlow(_ look: Look, stall: UInt64, rate: Int) -> Bool {
        defer { lastLook = look.now }
        // It has taken everything since the last look. How soon after it is not known: it is believed to have been at once.
        if look.waitsSince > lastLook { stretchBegan &+= look.waitsSince &- lastLook }
        progress = max(progress, look.kernelTook)
        if let now = look.acknowledged, acknowledged != now { progress = look.now }
        acknowledged = look.acknowledged
        if look.now >= progress &+ stall { return true }
        guard look.now >= stretchBegan &+ stall else { return false }
        defer {
            stretchBegan = look.now
            acknowledgedBefore = look.acknowledged
        }
        guard rate > 0, let before = acknowledgedBefore, let now = look.acknowledged else { return false }
        let (due, isOver) = (look.now &- stretchBegan).multipliedReportingOverflow(by: UInt64(rate))
        return isOver || now &- before < due / 1_000_000_000
    }
}
