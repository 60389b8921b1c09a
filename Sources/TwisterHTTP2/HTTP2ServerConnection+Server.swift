import CTwisterNghttp2
import HTTPTypes
import TwisterHTTP
import TwisterIO

/// The calls by which a server manages a connection.
extension HTTP2ServerConnection: ServerConnection {
    // MARK: Shutdown

    /// How long after the notice requests are still begun: those that the client had sent before it knew.
    private static let grace = Duration.milliseconds(250)

    func drain() {
        for stream in streams { stream.tellShutdown() }
        guard phase == .open else { return }
        phase = .draining
        session?.submitShutdownNotice()
        pump()
        stream.loop.callLater(Self.grace) { [weak self] in self?.goAway() }
    }

    func closeIfIdle() { goAway() }

    var requestsUnderWay: [ShutdownResult.Cut] { streams.compactMap(\.requestUnderWay) }

    func cancel() { for stream in streams { stream.cancel() } }

    func close() {
        noteClose(.cut)
        stream.close()
    }

    // MARK: Budget

    var chargedBytes: Int { share.charged }
    var isParked: Bool { share.isParked }

    func holding(at now: UInt64) -> BudgetHolding {
        let own = ownHolding(at: now)
        guard !own.isStill, let first = firstToShed(at: now) else { return own }
        return first.holding(at: now)
    }

    /// The share of the connection as a whole. A client that takes no output of the connection takes none of any stream.
    private func ownHolding(at now: UInt64) -> BudgetHolding {
        BudgetHolding(bytes: chargedBytes, outputOf: stream, context.deadlines, at: now)
            ?? BudgetHolding(bytes: chargedBytes)
    }

    /// The stream that is given up first; nil where no stream holds anything.
    private func firstToShed(at now: UInt64) -> HTTP2Stream? {
        var first: (stream: HTTP2Stream, holding: BudgetHolding)?
        for stream in streams where stream.heldBytes > 0 {
            let holding = stream.holding(at: now)
            if let first, !holding.goes(before: first.holding) { continue }
            first = (stream, holding)
        }
        return first?.stream
    }

    func recharge() {
        share.isStale = false
        guard phase != .ended else { return }
        var held = streams.reduce(0) { $0 + $1.heldBytes }
        if share.headBytes > Self.uncountedSize { held += share.headBytes }
        if stream.isOverHighWatermark { held += stream.outputMemory }
        let before = share.charged
        guard held != before else { return }
        share.charged = held
        context.charge(held - before, to: self)
    }

    /// The same, but once for all frames that were read at a time: it looks at all streams.
    func rechargeSoon() {
        if share.isReceiving { share.isStale = true } else { recharge() }
    }

    /// Heads of this size and more are refused where memory is short, and their memory goes back to the system.
    static let largeHead = 4096

    /// The head of a request has come. Few and small ones are not counted.
    func headReceived(_ size: Int) {
        share.requests += 1
        share.headBytes += size
        if share.charged > 0 || share.headBytes > Self.uncountedSize { recharge() }
    }

    /// A request is over, and its handler has returned.
    func headReleased(_ size: Int) {
        share.requests -= 1
        share.headBytes -= size
        if size >= Self.largeHead { stream.noteFreed(size) }
        if share.charged > 0 { recharge() }
    }

    /// Bytes of a request's body have come. A few are not counted.
    func bodyReceived(_ stream: HTTP2Stream) {
        if stream.heldBytes > Self.uncountedSize { rechargeSoon() }
    }

    /// A handler has taken bytes of its request's body.
    func bodyTaken() {
        if share.charged > 0 { recharge() }
        pump()
    }

    /// A handler waits for its client.
    func outputWaits() {
        stream.setDeadline(noLaterThan: context.deadlines.forOutput(clocks.output, stream))
        recharge()
    }

    /// A stream's bytes up to this number are not counted.
    static let uncountedSize = 16_384

    /// Gives the connection's share back when it closes.
    func releaseCharge() {
        share.isParked = false
        guard share.charged != 0 else { return }
        context.charge(-share.charged, to: self)
        share.charged = 0
    }

    /// Leaves the client unread. The clocks of bodies, windows and header blocks stand still meanwhile, since the client is not
    /// to blame.
    func park() {
        share.isParked = true
        for stream in streams { stream.pauseClocks() }
        stream.stopReceiving()
    }

    func unpark() {
        share.isParked = false
        guard !stream.isClosed else { return }
        for stream in streams { stream.resumeClocks() }
        restartHeadClocks(at: stream.loop.now)
        stream.startReceiving()
    }

    /// Gives up one request: 503 where nothing of its response is sent, a reset otherwise. Where the client would get
    /// neither, the connection ends.
    func shed() {
        let now = stream.loop.now
        guard !ownHolding(at: now).isStill, let stream = firstToShed(at: now) else { return close() }
        if let socket = stream.tunnel?.socket {
            socket.shed()
        } else if stream.exchange.isHeadSent {
            stream.exchange.noteOutcome(.cut)
            cut(stream.id, NGHTTP2_ENHANCE_YOUR_CALM)
        } else {
            stream.dropCollectedBody()
            stream.refuse(RequestRefusal(503, "the server is short of memory", [.retryAfter: "1"]))
        }
        recharge()
    }
}
