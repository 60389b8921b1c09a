extension IOLoop {
    /// A moment of the loop's clock, which is monotonic: it has nothing to do with the time of day.
    public struct Instant: InstantProtocol, Sendable {
        package let nanoseconds: UInt64

        package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

        public func advanced(by duration: Duration) -> Instant {
            let delta = duration.nanosecondsClamped
            let (sum, overflow) = nanoseconds.addingReportingOverflow(UInt64(max(delta, 0)))
            if delta >= 0 { return Instant(nanoseconds: overflow ? .max - 1 : sum) }
            return Instant(nanoseconds: nanoseconds - min(nanoseconds, delta.magnitude))
        }

        public func duration(to other: Instant) -> Duration {
            other >= self
                ? .nanoseconds(Int64(clamping: other.nanoseconds - nanoseconds))
                : .nanoseconds(-Int64(clamping: nanoseconds - other.nanoseconds))
        }

        public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }
    }

    /// What `callLater` and `callAt` give back, for `removeTimeout`.
    public struct Timeout: Sendable, Hashable {
        let timer: Reactor.Handle
        let token: UInt64
    }

    /// The loop's clock, now. Tornado: `IOLoop.time` (wall clock there, monotonic here).
    public func time() -> Instant { Instant(nanoseconds: now) }

    /// Calls back once, `delay` from now: never early, and in the order of deadlines, equal ones in order of creation.
    /// On the loop's thread.
    ///
    /// Tornado: `IOLoop.call_later`.
    @discardableResult
    public func callLater(_ delay: Duration, _ callback: @escaping () throws -> Void) -> Timeout {
        callAt(time().advanced(by: delay), callback)
    }

    /// Calls back once, at `when` or, where that has passed, in the next turn. On the loop's thread.
    ///
    /// Tornado: `IOLoop.call_at`.
    @discardableResult
    public func callAt(_ when: Instant, _ callback: @escaping () throws -> Void) -> Timeout {
        preconditionOnLoop()
        let token = timers.insert(callback)
        do throws(IOError) {
            return Timeout(timer: try reactor.startTimer(at: when.nanoseconds, token: token), token: token)
        } catch {
            // Only memory can run out here, and then Swift itself would trap.
            preconditionFailure("\(error)")
        }
    }

    /// Cancels a timer; one that has run, or was cancelled, is ignored. On the loop's thread.
    ///
    /// Tornado: `IOLoop.remove_timeout`.
    public func removeTimeout(_ timeout: Timeout) {
        preconditionOnLoop()
        // Stale for the wheel is a timer of the batch that is being run: its callback is still in the table.
        _ = reactor.cancelTimer(timeout.timer)
        timers.remove(timeout.token)
    }

    /// The wheel says that a timer is due.
    func timerDue(_ token: UInt64) {
        if let callback = timers.remove(token) { runCallback(callback) }
    }
}

extension Duration {
    /// Whole nanoseconds, clamped to what 64 bits hold (292 years).
    package var nanosecondsClamped: Int64 {
        let magnitude = attoseconds.magnitude
        let low = UInt64(truncatingIfNeeded: magnitude)
        let high = UInt64(truncatingIfNeeded: magnitude >> 64)
        let isNegative = attoseconds < 0
        // One machine division, where that of 128 bits by 128 would be a loop; this is done for each timer.
        let attosecondsPerNanosecond: UInt64 = 1_000_000_000
        guard high < attosecondsPerNanosecond else { return isNegative ? .min : .max }
        let nanoseconds = attosecondsPerNanosecond.dividingFullWidth((high, low)).quotient
        guard nanoseconds <= UInt64(Int64.max) else { return isNegative ? .min : .max }
        return isNegative ? -Int64(nanoseconds) : Int64(nanoseconds)
    }
}
