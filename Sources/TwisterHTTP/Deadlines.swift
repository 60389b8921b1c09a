import TwisterIO

/// What a connection is waiting for, and since when, in nanoseconds of its loop's clock.
struct ConnectionClocks {
    /// Since the last answer.
    var idleSince: UInt64 = 0
    /// Since the first byte of a head that is not complete.
    var headSince: UInt64?
    private(set) var bodySince: UInt64?
    /// When the handler wants the whole body to be there.
    var bodyEnd: UInt64?
    private(set) var lastBodyByte: UInt64 = 0
    private(set) var bodyBytes = 0
    /// What was seen of a client that does not take its answers at once.
    fileprivate(set) var output: OutputWatch?

    mutating func startBody(_ now: UInt64) {
        bodySince = now
        lastBodyByte = now
        bodyBytes = 0
    }

    mutating func bodyArrived(_ count: Int, _ now: UInt64) {
        lastBodyByte = now
        bodyBytes += count
    }

    /// While its handler lags behind, a body is not late.
    mutating func pauseBody() { bodySince = nil }

    mutating func endBody() {
        bodySince = nil
        bodyEnd = nil
    }
}

/// The rules of a server's deadlines, as pure functions of a connection's clocks.
struct Deadlines {
    enum Overdue { case head, body, idle, write }

    private let head: UInt64
    private let bodyStall: UInt64
    private let idle: UInt64
    private let writeStall: UInt64
    private let writeRate: Int
    private let bodyRate: Int
    /// Between two looks at a client that does not take its answers at once: what it has taken by when is known this well.
    private let lookInterval: UInt64

    init(_ configuration: HTTPServer.Configuration) {
        func nanoseconds(_ duration: Duration) -> UInt64 { UInt64(clamping: duration.nanosecondsClamped) }
        head = nanoseconds(configuration.headerTimeout)
        bodyStall = nanoseconds(configuration.bodyStallTimeout)
        idle = nanoseconds(configuration.idleTimeout)
        writeStall = nanoseconds(configuration.writeStallTimeout)
        writeRate = configuration.minWriteRate
        bodyRate = configuration.minBodyRate
        lookInterval = writeStall / 4 &+ 1
    }

    /// When to look again after an answer: at the earlier of the two things that can then be late.
    func afterAnswer(_ now: UInt64) -> UInt64 { now &+ min(idle, lookInterval) }

    /// When to look whether output is taken that is there now.
    func forOutput(_ clocks: ConnectionClocks, _ stream: IOStream) -> UInt64 {
        nextLook(clocks, stream.outputWaitsSince ?? stream.turnTime)
    }

    /// However often it is asked, a look is not put off.
    private func nextLook(_ clocks: ConnectionClocks, _ outputBegan: UInt64) -> UInt64 {
        max(clocks.output?.lastLook ?? 0, outputBegan) &+ lookInterval
    }

    /// What is late at `now`, if anything.
    func overdue(_ clocks: inout ConnectionClocks, _ stream: IOStream, _ now: UInt64, isIdle: Bool) -> Overdue? {
        if let since = clocks.headSince, now >= since &+ head { return .head }
        if let since = clocks.bodySince, now >= bodyDue(clocks, since) { return .body }
        if let end = clocks.bodyEnd, now >= end { return .body }
        if let since = stream.outputWaitsSince { return isOutputLate(&clocks, stream, since, now) ? .write : nil }
        if let watch = clocks.output, watch.isOver(at: now, interval: lookInterval) { clocks.output = nil }
        if isIdle, clocks.headSince == nil, now >= clocks.idleSince &+ idle { return .idle }
        return nil
    }

    /// When something can next be late; nil: nothing can.
    func next(_ clocks: ConnectionClocks, _ stream: IOStream, isIdle: Bool = false) -> UInt64? {
        var next = UInt64.max
        if let since = clocks.headSince { next = min(next, since &+ head) }
        if let since = clocks.bodySince { next = min(next, bodyDue(clocks, since)) }
        if let end = clocks.bodyEnd { next = min(next, end) }
        if let since = stream.outputWaitsSince { next = min(next, nextLook(clocks, since)) }
        if isIdle, clocks.headSince == nil { next = min(next, clocks.idleSince &+ idle) }
        return next == .max ? nil : next
    }

    /// Looks at the client, where it is time for that.
    private func isOutputLate(
        _ clocks: inout ConnectionClocks, _ stream: IOStream, _ since: UInt64, _ now: UInt64
    ) -> Bool {
        guard now >= nextLook(clocks, since) else { return false }
        let look = OutputWatch.Look(
            now: now, waitsSince: since, kernelTook: stream.outputTakenAt ?? since,
            acknowledged: stream.acknowledgedCount)
        guard let watch = clocks.output, !watch.isOver(at: since, interval: lookInterval) else {
            clocks.output = OutputWatch(look)
            return false
        }
        return watch.isTooSlow(look, stall: writeStall, rate: writeRate)
    }

    /// A body is due when no byte came for the stall time, or when what came lasts no longer at the least rate.
    private func bodyDue(_ clocks: ConnectionClocks, _ since: UInt64) -> UInt64 {
        let stalled = clocks.lastBodyByte &+ bodyStall
        guard bodyRate > 0 else { return stalled }
        let (paid, overflow) = UInt64(clocks.bodyBytes / bodyRate).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? stalled : min(stalled, since &+ bodyStall &+ paid)
    }
}
