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
                reactor.expire(now: now, timerDue: { timerDue($0) }, deadlineDue: { streams.overdue.append($0) })
                nextDeadline = reactor.nextDeadline
            }
        }
        sendOutput()
        if streams.hasCalledFilters {
            // A filter may have started a timer.
            streams.hasCalledFilters = false
            now = self.now
            nextDeadline = reactor.nextDeadline
        }
        unpinInput()
        let workPending = !callbacks.isEmpty || !jobs.isEmpty || !ready.isEmpty || isStopping || !inbox.isEmpty
        let isOverdue = !streams.overdue.isEmpty || !streams.gathered.isEmpty
        let timeout = Self.waitTimeout(
            workPending: workPending || isOverdue, nextDeadline: nextDeadline, now: now)
        if timeout != 0 { trimLater() }
        let count = reactor.wait(timeout: timeout)
        turnTime = self.now
        reactor.dispatch(count)
        if isOverdue { judgeDeadlines(asOf: now, eventCount: count) }
    }

    /// Hands out the deadlines that had passed before the wait. The bytes that had arrived by then were read first: a client
    /// that was in time is not cut off because this process was busy or stopped.
    ///
    /// Where the wait brought as many events as it can there may be more, and the deadlines wait for those, for as many
    /// turns as it takes to hear from every connection.
    @inline(never)
    private func judgeDeadlines(asOf time: UInt64, eventCount: Int) {
        if eventCount == Int(Reactor.batch), streams.deferrals <= streams.count / Int(Reactor.batch) + 1 {
            streams.deferrals += 1
            return
        }
        streams.deferrals = 0
        let overdue = streams.overdue
        streams.overdue.removeAll(keepingCapacity: overdue.count < 1024)
        for handle in overdue { streams[handle]?.deadlinePassed(asOf: time) }
    }

    /// Runs the callbacks that are there now; what they add run in the next turn, so that none starves I/O and timers.
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
        let count = streams.gathered.count
        guard count > 0 else { return }
        for index in 0..<count { streams.gathered[index].flushOutput() }
        // A filter may have had something to add, which is sent in the next turn.
        if streams.gathered.count == count {
            streams.gathered.removeAll(keepingCapacity: count < 1024)
        } else {
            streams.gathered.removeFirst(count)
        }
    }

    /// No stream keeps a pool buffer over a wait: what is unread moves to the stream's own storage.
    private func unpinInput() {
        guard !streams.holding.isEmpty else { return }
        for index in streams.holding.indices { streams.holding[index].unpinInput() }
        streams.holding.removeAll(keepingCapacity: streams.holding.count < 1024)
    }

    func collectInbox() { inbox.collect(into: &callbacks, &jobs) }
}
