/// Measures how fast a client takes output that waits for it: while some waits, the connection checks the client at intervals.
///
/// A client is too slow if it takes nothing for the stall time, or if its rate over a stretch of that length is below the least
/// rate. A stretch ends with the first check at which it is long enough, so that a fast start earns no credit for later.
///
/// Time in which no output waits does not count. A short break does not end the stretch; otherwise a client that takes
/// everything now and then would never be measured. After a long break the watch `isOver`, and what it has seen no longer
/// counts.
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
        // Where the kernel can tell what the client has acknowledged, the time before the first check does not count against
        // the client.
        progress = look.acknowledged == nil ? look.kernelTook : look.now
        stretchBegan = look.now
    }

    /// Whether output that has waited since `time` belongs to another stretch: before it, nothing waited for at least the
    /// `interval` between two checks.
    func isOver(at time: UInt64, interval: UInt64) -> Bool {
        // Had something waited for the first of the two intervals, there would have been a look at its end.
        time > lastLook &+ interval &+ interval
    }

    /// Whether the client is too slow by now.
    func isTooSlow(_ look: Look, stall: UInt64, rate: Int) -> Bool {
        defer { lastLook = look.now }
        // The client took everything at some time after the last check. This counts as at once, so that the whole time until
        // output waited again is left out of the stretch.
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
