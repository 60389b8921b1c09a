import CTwisterNghttp2
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// One accepted connection that speaks HTTP/2 (RFC 9113): carries the bytes between its stream of TCP and nghttp2, which
/// tells it of requests, bodies and the ends of streams. Each request is an exchange of its own (`HTTP2Stream`).
final class HTTP2ServerConnection {
    /// How far the connection is on its way to its end.
    enum Phase: Equatable {
        case open
        /// The client was told to begin no more requests; those on their way are served.
        case draining
        /// No request after that stream is begun, and the connection ends with its last stream. A client that does not read may
        /// get the GOAWAY, which names the stream, much later.
        case goingAway(last: Int32)
        /// Nothing more is read.
        case ended
    }

    /// The times from which the connection's deadlines count, on the loop's clock.
    struct Clocks {
        /// Since the last request was over.
        var idleSince: UInt64
        /// Since when the first SETTINGS of the client are due; nil: they have come.
        var settingsSince: UInt64?
        /// When the connection was accepted, for its first request.
        var accepted: UInt64?
        /// The progress of a client that does not take its responses at once.
        var output: OutputWatch?
    }

    /// The output of all streams: how they share the connection.
    struct Output {
        /// The client's SETTINGS_INITIAL_WINDOW_SIZE before its latest change.
        var initialWindow = 0
        /// Bytes of bodies that all streams have sent.
        var bodySent = 0
        /// Streams that go before all others (`OutputAge`).
        var raisedStreams = 0
        /// Priorities that PRIORITY_UPDATE gave to streams which the client has not opened yet; at most the limit of streams.
        var earlyPriorities: [Int32: Priority] = [:]
    }

    /// The connection's share in the limits of the server.
    struct Share {
        /// The client's address; nil on a unix socket.
        var client: IPAddress?
        /// Bytes that the budget was told of.
        var charged = 0
        /// Whether bytes are being read, after which the budget is told once.
        var isReceiving = false
        /// Whether the budget has to be told of a change.
        var isStale = false
        /// Whether the connection is left unread because the budget is used up.
        var isParked = false
        /// Whether the connection counts as its client's.
        var isClientCounted: Bool
        /// The outcome of exchanges whose responses the client has not taken, where the server closes the connection.
        var outcome: ExchangeRecord.Outcome?
        /// Requests whose handlers have not returned, with those whose streams are closed.
        var requests = 0
        /// The size of their heads: a few octets of HPACK may stand for a large one.
        var headBytes = 0
    }

    let stream: IOStream
    let resources: HTTP2Resources
    let number: UInt32
    var tableIndex: UInt32 = 0
    // To check the state of the connection and of its streams for exclusivity would cost 4,100 instructions a request.

    /// Nil before it serves, and once it has closed.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var session: HTTP2Session?
    /// The streams that are open, in no order.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var streams: ContiguousArray<HTTP2Stream> = []
    /// The header block that is being received.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var block = HeaderBlock()
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var frames: FrameCounts
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var clocks: Clocks
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var output = Output()
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var share: Share
    var phase = Phase.open
    /// Whether nghttp2 is at work. It must not be asked to send then, and sends everything by itself.
    private var isBusy = false

    init(_ connection: HandedConnection, _ resources: HTTP2Resources) {
        self.resources = resources
        stream = connection.stream
        number = connection.predecessor.number
        let now = connection.stream.turnTime
        frames = FrameCounts(resources.limits, at: now)
        clocks = Clocks(idleSince: now, settingsSince: now, accepted: connection.accepted)
        share = Share(client: connection.client, isClientCounted: connection.isClientCounted)
    }

    var context: ServerContext { resources.context }

    func startServing(_ connection: HandedConnection) {
        context.connections.replace(connection.predecessor, by: self)
        stream.consumer = self
        guard stream.hasMemory(HTTP2Resources.sessionSize, for: .newcomers) else { return }
        let pointer = Unmanaged.passUnretained(self).toOpaque()
        guard let made = HTTP2Session(owner: pointer, resources.functions, options: resources.options),
            made.submitSettings(
                streams: resources.streamLimit, window: resources.streamWindow,
                headerList: context.configuration.maxHeaderSize),
            made.openWindow(HTTP2Resources.connectionWindow)
        else { return stream.close() }
        session = consume made
        lookLater()
        pump()
        if context.isDraining { drain() }
    }

    // MARK: Bytes

    /// Sends what nghttp2 has to send, as far as the client takes it. Does nothing while nghttp2 is at work: `receive` sends at
    /// its end.
    func pump() {
        guard !isBusy, !stream.isClosed, phase != .ended else { return }
        guard send() else { return stream.close() }
        if stream.isPeerEnded, !stream.isOverHighWatermark, cutStalledStreams(), !send() { return stream.close() }
        if session?.isOver != false {
            // A client that has sent GOAWAY gets one, too (RFC 9113, 6.8). After an error, nghttp2 does not send a second one.
            if session != nil, phase == .open || phase == .draining { return goAway() }
            end()
        }
    }

    /// Gives the stream of TCP what nghttp2 has to send. Returns false where nghttp2 cannot go on.
    private func send() -> Bool {
        isBusy = true
        defer { isBusy = false }
        while !stream.isOverHighWatermark {
            guard let bytes = session?.send() else { return false }
            if bytes.isEmpty { break }
            stream.enqueue(bytes)
        }
        if output.raisedStreams > 0 { lowerStreams() }
        return true
    }

    /// Resets the streams whose responses wait for the client's windows, because no frame of the client can open the windows
    /// any more. Returns whether there were such streams.
    private func cutStalledStreams() -> Bool {
        var found = false
        // A file may still be on its way from the disk, for which the client is not to blame.
        for stream in streams where stream.waitingBytes > 0 && !hasWindow(stream.id) {
            found = true
            stream.exchange.noteOutcome(.clientDisconnected)
            session?.reset(stream.id, NGHTTP2_CANCEL)
        }
        return found
    }

    /// Has nghttp2 read.
    private func receive(_ bytes: UnsafeRawBufferPointer) {
        let (accepted, objection) = frames.count(bytes, at: stream.turnTime)
        if frames.restSince != nil { lookLater() }
        if case .limit(let limit) = objection {
            exceed(limit)
            return pump()
        }
        share.isReceiving = true
        isBusy = true
        let count = read(UnsafeRawBufferPointer(rebasing: bytes[..<accepted]))
        isBusy = false
        if count < 0 { fail(CInt(truncatingIfNeeded: count)) }
        if case .violation(let error) = objection { session?.terminate(error) }
        if session?.queuedFrames ?? 0 > Self.queueLimit { exceed(.queuedFrames) }
        pump()
        share.isReceiving = false
        if share.isStale || share.charged > 0 || stream.isOverHighWatermark { recharge() }
    }

    /// Gives nghttp2 the bytes, with zeros for those that it must not read. Returns how many bytes it has read, or its negative
    /// error code.
    private func read(_ bytes: UnsafeRawBufferPointer) -> Int {
        let masks = frames.masks
        guard !masks.isEmpty else { return session?.receive(bytes) ?? -1 }
        var copy = [UInt8](bytes)
        for mask in masks { for index in mask.clamped(to: copy.indices) { copy[index] = 0 } }
        return copy.withUnsafeBytes { session?.receive($0) ?? -1 }
    }

    /// How many frames may wait for a client that does not read. Enough for the heads and bodies of all streams' responses, and
    /// more.
    private static let queueLimit = 4096

    /// nghttp2 cannot go on with what the client has sent.
    private func fail(_ error: CInt) {
        switch error {
        case NGHTTP2_ERR_FLOODED.rawValue: exceed(.queuedFrames)
        // One of our own callbacks has ended the connection, and said why.
        case NGHTTP2_ERR_CALLBACK_FAILURE.rawValue: break
        case NGHTTP2_ERR_NOMEM.rawValue: stream.close()
        default: session?.terminate(NGHTTP2_PROTOCOL_ERROR)
        }
    }

    /// The client is over a limit: the connection ends.
    func exceed(_ limit: ServerCounts.FrameLimit) {
        guard phase != .ended else { return }
        context.counts.count(limit)
        noteClose(.cut)
        session?.terminate(NGHTTP2_ENHANCE_YOUR_CALM)
        // Output that waits for a client that does not read would keep GOAWAY from it.
        if stream.isOverHighWatermark { stream.reset() }
    }

    // MARK: Time

    /// Looks again in a while, since something can be late by then.
    func lookLater() { stream.setDeadline(noLaterThan: stream.turnTime &+ context.deadlines.streamLook) }

    /// Whether the server holds the client up: the connection is left unread, or so much output waits that no more is made.
    var isHeldUp: Bool { share.isParked || stream.isOverHighWatermark }

    /// Since when the client owes the rest of a header block or of a frame, or its first SETTINGS; nil: it owes nothing.
    private var owedSince: UInt64? {
        block.streamID == nil ? clocks.settingsSince ?? frames.restSince : block.awaitedSince
    }

    /// The clocks of a header block and of the first SETTINGS begin again, since the client was held up.
    func restartHeadClocks(at now: UInt64) {
        block.restartClock(at: now)
        frames.restartClock(at: now)
        if clocks.settingsSince != nil { clocks.settingsSince = now }
    }

    // MARK: Ends

    /// Closes once everything was sent. The client may still be sending.
    func end() {
        guard phase != .ended else { return }
        phase = .ended
        closeStreams()
        stream.setDeadline(noLaterThan: context.deadlines.forOutput(clocks.output, stream))
        stream.lingerAfterOutput()
    }

    /// Refuses further requests, and ends the connection with the last one that was begun.
    func goAway() {
        guard phase == .open || phase == .draining else { return }
        let last = session?.lastRequest ?? 0
        phase = .goingAway(last: last)
        session?.submitGoAway(last: last)
        pump()
    }

    /// Ends the streams that are left, on which nothing more is sent or received. Handlers that have not begun do not begin.
    private func closeStreams() {
        let open = streams
        streams = []
        for stream in open {
            session?.detach(stream.id)
            stream.exchange.noteOutcome(outcomeOfClose)
            stream.closed()
        }
    }

    /// The server closes the connection, for a reason of its own.
    func noteClose(_ outcome: ExchangeRecord.Outcome) {
        if share.outcome == nil { share.outcome = outcome }
        for stream in streams { stream.exchange.noteOutcome(outcome) }
    }

    /// The outcome of exchanges whose responses the client has not taken when the connection closes.
    var outcomeOfClose: ExchangeRecord.Outcome { share.outcome ?? .clientDisconnected }
}

// MARK: - What the stream of TCP tells

extension HTTP2ServerConnection: IOStreamConsumer {
    func streamReceived(_ stream: IOStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        if phase != .ended, !bytes.isEmpty { receive(bytes) }
        return bytes.count
    }

    /// The client sends nothing more. Complete requests are still responded to, even if their handlers have not begun; the
    /// client of a request that waits, or whose rest is missing, counts as disconnected.
    func streamEnded(_ stream: IOStream) {
        guard phase != .ended else { return }
        // A handler that is about to write first does so.
        if streams.contains(where: \.isHandled) { tellOfEndLater() }
        for stream in streams where !stream.isHandled { stream.clientEnded() }
        goAway()
        // Responses may wait for windows also where the connection was going away before.
        pump()
        if case .goingAway = phase, streams.isEmpty { end() }
    }

    /// Tells the exchanges in the next turn that the client has ended its side, which happened before a handler began. A
    /// handler that responds at once is done by then; one that waits is treated as disconnected.
    func tellOfEndLater() {
        stream.loop.addLocalCallback { [weak self] in
            guard let self, !stream.isClosed else { return }
            streamPeerLeft(stream, isGone: false)
            // Everything was read, so that a WebSocket that was accepted meanwhile gets nothing more either.
            guard stream.isPeerEnded else { return }
            for stream in streams where stream.reading == .tunnel { stream.clientEnded() }
            pump()
        }
    }

    /// Nothing is read at the moment, so that the rest of a request may wait in the socket. Therefore only the clients of
    /// complete requests count as disconnected.
    func streamPeerLeft(_ stream: IOStream, isGone: Bool) {
        if isGone { return stream.close(.endedByPeer) }
        for stream in streams where stream.reading == .complete { stream.clientEnded() }
    }

    func streamDrained(_ stream: IOStream) {
        pump()
        if share.charged > 0 { recharge() }
    }

    func streamClosed(_ stream: IOStream, _ reason: StreamClosedError.Reason) {
        phase = .ended
        closeStreams()
        session = nil
        releaseCharge()
        if share.isClientCounted { context.releaseClient(share.client) }
        context.connections.remove(self)
    }

    /// Whether no request is under way, and none has begun to come.
    private var isIdle: Bool {
        switch phase {
        case .open, .draining: streams.isEmpty && block.streamID == nil
        case .goingAway, .ended: false
        }
    }

    func streamDeadline(_ stream: IOStream, asOf time: UInt64) {
        var wait = ConnectionWait(idleSince: isIdle ? clocks.idleSince : nil, request: nil, output: clocks.output)
        let overdue = context.deadlines.overdue(&wait, stream, time)
        clocks.output = wait.output
        switch overdue {
        case .write:
            noteClose(.timeout)
            return stream.reset()
        case .idle: goAway()
        case .head, .body, nil: break
        }
        if phase == .ended { return stream.setDeadline(context.deadlines.next(wait, stream)) }
        if isHeldUp {
            restartHeadClocks(at: time)
        } else if let since = owedSince, context.deadlines.isHeadLate(since, at: time) {
            noteClose(.timeout)
            exceed(.headerBlocks)
        }
        for stream in streams { stream.checkDeadlines(at: time) }
        raiseStreams(at: time)
        pump()
        if share.charged > 0 { recharge() }
        guard phase != .ended else { return }
        // Requests may have begun or ended since `wait` was made.
        wait.idleSince = isIdle ? clocks.idleSince : nil
        let bodyEnd = streams.lazy.compactMap { $0.body?.clocks.bodyEnd }.min()
        let next = min(context.deadlines.next(wait, stream) ?? .max, bodyEnd ?? .max)
        let isWaiting = streams.contains { $0.isWatched } || owedSince != nil
        let hasOutput = streams.contains { $0.waitingBytes > 0 }
        let look = min(
            isWaiting ? context.deadlines.streamLook : .max, hasOutput ? OutputAge.lookInterval : .max)
        stream.setDeadline(min(next, look == .max ? .max : time &+ look))
    }
}
