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
        if nextDeadline != .max || !streams.overdue.isEmpty {
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
        pulse.endTurn()
        let count = reactor.wait(timeout: timeout)
        let woken = self.now
        turnTime = woken
        pulse.beginTurn(woken)
        counts.turns.add()
        reactor.dispatch(count)
        if isOverdue { judgeDeadlines(asOf: now, eventCount: count) }
    }

    /// Hands out the deadlines that had passed before the wait. Bytes that had arrived by then were read first: a client that
    /// sent in time is not disconnected because this process was busy or stopped.
    ///
    /// One wait does not always bring everything that has arrived: its number of events is limited, epoll is not asked while
    /// other events are known, and io_uring does only a part of the outstanding work at a time (seen on Linux 6.18). So the
    /// deadline of a stream that has something to be read is handed out in a later turn, after at most as many turns as it
    /// takes to hear from every connection. More turns are not waited for, because a client may go on sending.
    @inline(never)
    private func judgeDeadlines(asOf time: UInt64, eventCount: Int) {
        let mayWait = streams.deferrals < streams.count / Self.leastProgress + 4
        streams.deferrals += 1
        if mayWait, eventCount == Int(Reactor.batch) { return }
        let overdue = streams.overdue
        streams.overdue.removeAll(keepingCapacity: overdue.count < 1024)
        for handle in overdue {
            guard let stream = streams[handle] else { continue }
            if mayWait, stream.hasUnreceivedInput {
                streams.overdue.append(handle)
            } else {
                stream.deadlinePassed(asOf: time)
            }
        }
        if streams.overdue.isEmpty { streams.deferrals = 0 }
    }

    /// The least number of connections with unread bytes of which one turn brings events.
    private static let leastProgress = 8

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
            // Streams behind carriers were flushed above, and so their output lies in the streams of the carriers, which come
            // now. This is over when no carrier takes more.
            if streams.hasCarriedOutput {
                streams.hasCarriedOutput = false
                sendOutput()
            }
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

/// Gives memory back to the system after a crowd: buffers of the pool, and the free memory of the heap, which the allocator
/// would otherwise keep for as long as the process lives.
extension IOLoop {
    /// How long after a burst of work memory is given back: a second burst may follow the first one. In nanoseconds.
    private static let trimDelay: UInt64 = 400_000_000

    /// Blocks of memory from this size on are worth giving back to the system. The allocator finds another use for smaller ones.
    package static let largeBlock = 128 << 10

    /// The same as `BaseIOStream.noteFreed`, for memory that belongs to no single stream. On the loop's thread.
    package func noteFreed(_ size: Int) { reactor.noteFreed(size) }

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
