extension IOLoop {
    /// A point in time on the loop's clock, which is monotonic and has nothing to do with the time of day.
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

    /// A timer that `callLater` or `callAt` has started, for `removeTimeout`.
    public struct Timeout: Sendable, Hashable {
        let timer: Reactor.Handle
        let token: UInt64
    }

    /// The current time on the loop's clock. May be called from any thread.
    ///
    /// Tornado: `IOLoop.time` (wall clock there, monotonic here).
    public func time() -> Instant { Instant(nanoseconds: now) }

    /// Calls `callback` once, after `delay`: never early, and in the order of the deadlines, equal ones in the order of the
    /// calls. On the loop's thread.
    ///
    /// Tornado: `IOLoop.call_later`.
    @discardableResult
    public func callLater(_ delay: Duration, _ callback: @escaping () throws -> Void) -> Timeout {
        preconditionOnLoop()
        return startTimer(at: time().advanced(by: delay), callback)
    }

    /// Calls `callback` once, at `when` or, if that has passed, in the next turn. On the loop's thread.
    ///
    /// Tornado: `IOLoop.call_at`.
    @discardableResult
    public func callAt(_ when: Instant, _ callback: @escaping () throws -> Void) -> Timeout {
        preconditionOnLoop()
        return startTimer(at: when, callback)
    }

    private func startTimer(at when: Instant, _ callback: @escaping () throws -> Void) -> Timeout {
        let token = timers.insert(callback)
        do throws(IOError) {
            return Timeout(timer: try reactor.startTimer(at: when.nanoseconds, token: token), token: token)
        } catch {
            // The only cause is a lack of memory, at which Swift itself would trap, too.
            preconditionFailure("\(error)")
        }
    }

    /// Cancels a timer. One that has run or was cancelled before is ignored. On the loop's thread.
    ///
    /// Tornado: `IOLoop.remove_timeout`.
    public func removeTimeout(_ timeout: Timeout) {
        preconditionOnLoop()
        // The wheel no longer knows a timer of the batch that is being run; its callback is still in the table.
        _ = reactor.cancelTimer(timeout.timer)
        timers.remove(timeout.token)
    }

    /// Runs the callback of a timer that the reactor reports as due.
    func timerDue(_ token: UInt64) {
        if let callback = timers.remove(token) { runCallback(callback) }
    }
}

extension IOLoop: WaitClock {
    var hasEnded: Bool { inbox.isClosed }

    func startTimer(_ timeout: Duration, _ body: @escaping @Sendable () -> Void) -> (@Sendable () -> Void)? {
        // A loop that does not run would not call back.
        guard isCurrentThread, isRunning else { return nil }
        let timer = callLater(timeout, body)
        return { self.runOnThread { self.removeTimeout(timer) } }
    }
}

extension Duration {
    /// The whole nanoseconds, clamped to the range of 64 bits (292 years).
    package var nanosecondsClamped: Int64 {
        let magnitude = attoseconds.magnitude
        let low = UInt64(truncatingIfNeeded: magnitude)
        let high = UInt64(truncatingIfNeeded: magnitude >> 64)
        let isNegative = attoseconds < 0
        // One machine division instead of a loop that divides 128 bits by 128, because each timer does this.
        let attosecondsPerNanosecond: UInt64 = 1_000_000_000
        guard high < attosecondsPerNanosecond else { return isNegative ? .min : .max }
        let nanoseconds = attosecondsPerNanosecond.dividingFullWidth((high, low)).quotient
        guard nanoseconds <= UInt64(Int64.max) else { return isNegative ? .min : .max }
        return isNegative ? -Int64(nanoseconds) : Int64(nanoseconds)
    }
}
