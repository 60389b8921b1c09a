package import TwisterIO

/// Since when a connection waits for the parts of a request, in nanoseconds of its loop's clock.
package struct RequestClocks {
    /// When the first byte of a head came that is not complete; nil: no head is incomplete.
    private(set) var headSince: UInt64?
    private(set) var bodySince: UInt64?
    /// The time by which the handler wants the whole body to have come; nil: none.
    package var bodyEnd: UInt64?
    private(set) var lastBodyByte: UInt64 = 0
    /// How much later the body is due for the bytes that came. It never exceeds the time since the body began: a client that
    /// sent much at once must not be slow for days afterwards.
    private(set) var bodyCredit: UInt64 = 0

    package init() {}

    init(headSince now: UInt64) { headSince = now }

    init(bodySince now: UInt64) { startBody(now) }

    /// The body begins, or goes on after a pause.
    package mutating func startBody(_ now: UInt64) {
        bodySince = now
        lastBodyByte = now
        bodyCredit = 0
    }

    package mutating func bodyArrived(_ count: Int, _ now: UInt64, _ deadlines: Deadlines) {
        lastBodyByte = now
        if let bodySince { bodyCredit = min(bodyCredit &+ deadlines.credit(count), now &- bodySince) }
    }

    /// Stops the clock of the body: while its handler lags behind, the client is not late.
    package mutating func pauseBody() { bodySince = nil }
}

/// What a connection waits for at a moment.
package struct ConnectionWait {
    /// Since when it is idle; nil: it has a request.
    package var idleSince: UInt64?
    /// Its request's clocks; nil: it has none.
    package var request: RequestClocks?
    /// The progress of a client that does not take its responses at once.
    package var output: OutputWatch?

    package init(idleSince: UInt64?, request: RequestClocks?, output: OutputWatch?) {
        self.idleSince = idleSince
        self.request = request
        self.output = output
    }
}

/// The rules of a server's deadlines, as functions of what a connection waits for.
package struct Deadlines {
    package enum Overdue { case head, body, idle, write }

    private let head: UInt64
    /// The longest time without a byte of a body or of a message that has begun, in nanoseconds.
    package let bodyStall: UInt64
    private let idle: UInt64
    /// The longest time in which the client takes none of the output that waits, in nanoseconds.
    package let writeStall: UInt64
    /// The least rate at which output is taken, in bytes a second.
    package let writeRate: Int
    private let bodyRate: Int
    /// The time between two looks at a client that does not take its responses at once.
    let lookInterval: UInt64

    init(_ configuration: HTTPServerConfiguration) {
        func nanoseconds(_ duration: Duration) -> UInt64 { UInt64(clamping: duration.nanosecondsClamped) }
        head = nanoseconds(configuration.headerTimeout)
        bodyStall = nanoseconds(configuration.bodyStallTimeout)
        idle = nanoseconds(configuration.idleTimeout)
        writeStall = nanoseconds(configuration.writeStallTimeout)
        writeRate = configuration.minWriteRate
        bodyRate = configuration.minBodyRate
        lookInterval = writeStall / 4 &+ 1
    }

    /// How often to check requests of which a connection has several at once (HTTP/2), in nanoseconds. A missed deadline is
    /// noticed at most a quarter of its length later.
    package var streamLook: UInt64 { min(head, bodyStall, writeStall) / 4 &+ 1 }

    /// When to check again after a response: at the earlier of the two deadlines that then run.
    package func afterResponse(_ now: UInt64) -> UInt64 { now &+ min(idle, lookInterval) }

    /// When to check whether the client has taken the output that waits now.
    package func forOutput(_ watch: OutputWatch?, _ stream: IOStream) -> UInt64 {
        nextLook(watch, stream.outputWaitsSince ?? stream.turnTime)
    }

    /// When to check the output again. The result does not depend on how often this is asked, so that asking never postpones a
    /// check.
    private func nextLook(_ watch: OutputWatch?, _ outputBegan: UInt64) -> UInt64 {
        max(watch?.lastLook ?? 0, outputBegan) &+ lookInterval
    }

    /// The first deadline that has passed at `now`; nil: none has.
    package func overdue(_ wait: inout ConnectionWait, _ stream: IOStream, _ now: UInt64) -> Overdue? {
        if let request = wait.request {
            if let since = request.headSince, now >= since &+ head { return .head }
            if let since = request.bodySince, now >= bodyDue(request, since) { return .body }
            if let end = request.bodyEnd, now >= end { return .body }
        }
        if let since = stream.outputWaitsSince { return isOutputLate(&wait.output, stream, since, now) ? .write : nil }
        if let watch = wait.output, watch.isOver(at: now, interval: lookInterval) { wait.output = nil }
        if let since = wait.idleSince, now >= since &+ idle { return .idle }
        return nil
    }

    /// When something can next be late; nil: nothing can.
    package func next(_ wait: ConnectionWait, _ stream: IOStream) -> UInt64? {
        var next = UInt64.max
        if let request = wait.request {
            if let since = request.headSince { next = min(next, since &+ head) }
            if let since = request.bodySince { next = min(next, bodyDue(request, since)) }
            if let end = request.bodyEnd { next = min(next, end) }
        }
        // While output waits, the connection does not end for being idle (see `overdue`), so that time is none to wake up at.
        if let since = stream.outputWaitsSince {
            next = min(next, nextLook(wait.output, since))
        } else if let since = wait.idleSince {
            next = min(next, since &+ idle)
        }
        return next == .max ? nil : next
    }

    /// Checks the client's progress if the time for a check has come. Returns whether the client is too slow.
    private func isOutputLate(
        _ watch: inout OutputWatch?, _ stream: IOStream, _ since: UInt64, _ now: UInt64
    ) -> Bool {
        guard now >= nextLook(watch, since) else { return false }
        let look = OutputWatch.Look(
            now: now, waitsSince: since, kernelTook: stream.outputTakenAt ?? since,
            acknowledged: stream.acknowledgedCount)
        guard let current = watch, !current.isOver(at: since, interval: lookInterval) else {
            watch = OutputWatch(look)
            return false
        }
        return current.isTooSlow(look, stall: writeStall, rate: writeRate)
    }

    /// Whether a head whose first byte came at `since` is not complete in time.
    package func isHeadLate(_ since: UInt64, at now: UInt64) -> Bool { now >= since &+ head }

    /// Whether a body is late, by its clocks.
    package func isBodyLate(_ clocks: RequestClocks, at now: UInt64) -> Bool {
        if let since = clocks.bodySince, now >= bodyDue(clocks, since) { return true }
        return clocks.bodyEnd.map { now >= $0 } ?? false
    }

    /// A body is due when no byte came for the stall time, or when the bytes that came are used up at the least rate.
    private func bodyDue(_ clocks: RequestClocks, _ since: UInt64) -> UInt64 {
        let stalled = clocks.lastBodyByte &+ bodyStall
        return bodyRate > 0 ? min(stalled, since &+ bodyStall &+ clocks.bodyCredit) : stalled
    }

    /// For how long a client has owed the next bytes of a body, by the body's clocks; 0 where the server does not wait for it.
    func lateness(_ clocks: RequestClocks, at now: UInt64) -> UInt64 {
        guard let since = clocks.bodySince else { return 0 }
        let owedSince = bodyRate > 0 ? min(clocks.lastBodyByte, since &+ clocks.bodyCredit) : clocks.lastBodyByte
        return now > owedSince ? now &- owedSince : 0
    }

    /// Since when a client owes the next bytes of a message, after `count` bytes have come at `now`. It owed them since
    /// `since` before.
    package func owedSince(_ since: UInt64, after count: Int, at now: UInt64) -> UInt64 {
        bodyRate > 0 ? min(since &+ credit(count), now) : now
    }

    /// The time in which so many bytes come at the least rate.
    fileprivate func credit(_ count: Int) -> UInt64 {
        bodyRate > 0 ? UInt64(clamping: count) &* 1_000_000_000 / UInt64(clamping: bodyRate) : 0
    }
}
