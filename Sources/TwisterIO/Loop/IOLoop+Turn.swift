import Logging
import Synchronization

extension IOLoop {
    /// The longest single wait, in nanoseconds. Tornado 4: `_POLL_TIMEOUT`, 3,600 s.
    static let longestWait: UInt64 = 3_600_000_000_000

    /// How long a turn may wait, in nanoseconds: not at all while work is pending, else until the next deadline, at most
    /// `longestWait`; for ever (-1) where there is no deadline, so that an idle loop makes no wake-ups.
    ///
    /// A pure function of its arguments: the rule of the seed's loop (S-56).
    static func waitTimeout(workPending: Bool, nextDeadline: UInt64, now: UInt64) -> Int64 {
        if workPending { return 0 }
        if nextDeadline == .max { return -1 }
        guard nextDeadline > now else { return 0 }
        return Int64(min(nextDeadline &- now, longestWait))
    }

    /// One turn. It never suspends and never throws; what it makes ready runs after it.
    func turn() {
        collectInbox()
        runCallbacks()
        var nextDeadline = reactor.nextDeadline
        var now: UInt64 = 0
        if nextDeadline != .max {
            now = self.now
            if nextDeadline <= now {
                reactor.expire(now: now, on: self)
                nextDeadline = reactor.nextDeadline
            }
        }
        sendOutput()
        unpinInput()
        let workPending = !callbacks.isEmpty || !jobs.isEmpty || !ready.isEmpty || isStopping || !inbox.isEmpty
        let timeout = Self.waitTimeout(workPending: workPending, nextDeadline: nextDeadline, now: now)
        let count = reactor.wait(timeout: timeout)
        turnTime = self.now
        reactor.dispatch(count)
    }

    /// Runs the callbacks that are there now; what they add runs in the next turn, so that none starves I/O and timers.
    private func runCallbacks() {
        var count = callbacks.count
        while count > 0, let callback = callbacks.popFirst() {
            count -= 1
            runCallback(callback)
        }
    }

    /// Calls what the application gave, and logs what it throws: no callback ends the loop.
    func runCallback(_ callback: () throws -> Void) {
        do {
            try callback()
        } catch is CancellationError {
            // Cancelled work has nothing to report.
        } catch {
            Log.application.error("Exception in callback: \(error)")
        }
    }

    /// One send for each stream that has output.
    private func sendOutput() {
        guard !dirtyStreams.isEmpty else { return }
        for stream in dirtyStreams { stream.flushOutput() }
        dirtyStreams.removeAll(keepingCapacity: true)
    }

    /// No stream keeps a pool buffer over a wait: what is unread moves to the stream's own storage.
    private func unpinInput() {
        guard !holdingStreams.isEmpty else { return }
        for stream in holdingStreams { stream.unpinInput() }
        holdingStreams.removeAll(keepingCapacity: true)
    }

    func collectInbox() { inbox.collect(into: &callbacks, &jobs) }
}
