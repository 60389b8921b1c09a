import HTTPTypes
import TwisterCodec
import TwisterIO

/// One accepted connection: reads requests from its stream, one after the other, and has each responded to before the next
/// one is begun.
///
/// Bytes come in through `streamReceived` and are read where they lie by the exchange under way (`HTTP1Connection`), which
/// exists from a request's first byte to the end of its response. Pipelined requests wait in the stream's input.
///
/// Tornado: `http1connection.HTTP1ServerConnection`.
final class HTTP1ServerConnection {
    let stream: IOStream
    let service: HTTP1Service

    // An idle connection holds all of this, so it is small.

    /// The exchange under way. To check its accesses for exclusivity would cost 60 instructions a request.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var exchange: HTTP1Connection?
    /// State that few connections have.
    var rare: RareConnectionState?
    /// The time of the last response, or of the accept before the first one, on the loop's clock.
    private(set) var idleSince: UInt64 = 0
    /// The client's address: the peer's, or the one that the PROXY protocol gave; nil on a unix socket.
    var client: IPAddress?
    var phase = Phase.idle
    /// Whether none of the connection's exchanges was noted yet, on a server that notes its exchanges.
    var isNew = true
    /// Whether an exchange was completed.
    private(set) var wasServed = false
    /// Whether a filter stands on the stream, which may be TLS.
    private var isFiltered = false
    var tableIndex: UInt32 = 0
    let number: UInt32

    /// How the connection treats the bytes that arrive.
    enum Phase: UInt8 {
        /// They are the PROXY protocol's header, which comes once.
        case proxyHeader
        /// The first of them begins a request.
        case idle
        /// They are for the exchange under way, or wait for the next one.
        case exchange
        /// They are the rest of a request that was responded to.
        case dropping
        /// They wait until the client has taken its responses.
        case blocked
        /// They wait for the connection of another version of HTTP.
        case handingOver
        /// The bytes are dropped, because the connection is about to close.
        case ending
    }

    init(_ stream: IOStream, _ service: HTTP1Service) {
        self.stream = stream
        self.service = service
        number = service.context.connections.nextNumber()
        stream.highWatermark = service.context.configuration.outputHighWatermark
    }

    var context: ServerContext { service.context }

    /// - Parameter address: the client's address, where the socket does not say it; nil: the socket's peer.
    ///
    /// Tornado: `HTTP1ServerConnection.start_serving`.
    func startServing(from address: IPAddress? = nil) {
        context.connections.insert(self)
        idleSince = stream.turnTime
        stream.consumer = self
        isFiltered = stream.filter != nil
        client = address ?? stream.peerAddress?.withIPOctets { IPAddress(octets: $0) } ?? nil
        guard context.clients == nil || countClient() else { return }
        if context.usesProxyProtocol, context.configuration.trusts(client) {
            phase = .proxyHeader
            madeExchange().awaitHead()
        } else {
            becomeIdle()
        }
        stream.startReceiving()
        // The application may have read from the stream before.
        stream.resumeInput()
    }

    /// The connection waits for its first request.
    func becomeIdle() {
        phase = .idle
        stream.setDeadline(noLaterThan: context.deadlines.afterResponse(idleSince))
    }

    /// Whether no request is under way.
    private var isIdle: Bool {
        switch phase {
        case .idle: true
        case .exchange: exchange?.isUnused ?? true
        case .proxyHeader, .dropping, .blocked, .handingOver, .ending: false
        }
    }

    // MARK: Exchanges

    /// Whether there is memory for an exchange. If not, the stream was closed.
    private var canBeginExchange: Bool {
        service.hasExchange || stream.hasMemory(HTTP1Service.exchangeSize, for: wasServed ? .established : .newcomers)
    }

    @inline(__always)
    private func beginExchange() {
        let taken = service.takeExchange()
        taken.attach(self, stream, client: client, isFiltered: isFiltered)
        exchange = taken
    }

    /// The exchange under way, or a new one.
    private func madeExchange() -> HTTP1Connection {
        if exchange == nil { beginExchange() }
        return exchange.unsafelyUnwrapped
    }

    /// The exchange is over and renewed, and no other request is there.
    func giveBackExchange() {
        guard let given = exchange.take() else { return }
        given.leaveConnection()
        // One that is not kept lives until the next turn, since it may be reading at the moment.
        if !service.keepExchange(given) { stream.loop.addLocalCallback { withExtendedLifetime(given) {} } }
    }

    /// Makes the exchange ready for the next request. One that somebody holds is left to its holder.
    func renew(_ exchange: HTTP1Connection) {
        if !exchange.renew() { letGo(of: exchange) }
    }

    /// Leaves the exchange to those that hold it. It lives until the next turn, since it may be reading at the moment.
    private func letGo(of exchange: HTTP1Connection) {
        stream.loop.addLocalCallback { withExtendedLifetime(exchange) {} }
        exchange.detach()
        self.exchange = nil
    }

    /// Makes ready for the connection's next request, and begins it where it is there.
    @inline(__always)
    private func prepareForNext(_ context: ServerContext) {
        wasServed = true
        let lagsBehind = stream.isOverHighWatermark
        if rare != nil || lagsBehind {
            rare?.isParked = false
            recharge()
        }
        idleSince = stream.turnTime
        stream.setDeadline(noLaterThan: context.deadlines.afterResponse(idleSince))
        if context.isDraining { closeSoon() }
        if lagsBehind {
            // A client that does not take its responses gets no further ones made: its requests wait until it takes them.
            phase = .blocked
            giveBackExchange()
        } else {
            nextRequest(context)
        }
    }

    private func nextRequest(_ context: ServerContext) {
        let unread = stream.unconsumedCount
        if unread == 0 {
            phase = .idle
            giveBackExchange()
        } else {
            phase = .exchange
            stream.resumeInput()
        }
        // A client that sends more than is worked off is held up until that is; the rest of a request is waited for.
        let isShort = unread <= context.pipelineBufferSize || phase == .idle || awaitsRequest
        if isShort, phase != .ending { resumeReading() }
        // The client may have ended its side long ago, behind requests that waited. A request that it left unfinished stays
        // unfinished.
        if stream.isPeerEnded, !stream.isClosed { streamEnded(stream) }
    }

    /// Whether a part of the request under way is missing, and there is room for it.
    private var awaitsRequest: Bool {
        guard phase == .exchange, let exchange, !exchange.isRequestRead else { return false }
        return exchange.exchange.requestBody.stream?.isPaused != true
    }

    @inline(__always)
    private func goOn(after exchange: HTTP1Connection, _ context: ServerContext) {
        // A response whose head was sent before the shutdown began did not announce that the connection closes.
        guard exchange.keepsAlive else { return end() }
        if exchange.isRequestRead {
            renew(exchange)
            return prepareForNext(context)
        }
        guard exchange.mayDropBody else { return end() }
        phase = .dropping
        exchange.dropBody()
        updateDeadline()
        resumeReading()
        stream.resumeInput()
    }

    // MARK: Ends

    /// Closes the connection once the response is out. Where the client may still be sending, the close waits for it, because a
    /// reset would make the client lose the response.
    func end() {
        let isRead = (exchange?.isRequestRead ?? true) && stream.unconsumedCount == 0
        stopReading()
        watchOutput()
        if isRead { stream.closeAfterOutput() } else { stream.lingerAfterOutput() }
    }

    /// No more requests are read from this connection.
    func stopReading() {
        phase = .ending
        exchange?.abandonReading()
    }

    /// The exchange does not run and is given up.
    func endExchangeWithoutRun() {
        guard let exchange else { return }
        exchange.endWithoutRun()
        letGo(of: exchange)
    }
}

// MARK: - What the exchange under way tells

extension HTTP1ServerConnection {
    /// The application has returned, and the response is complete or given up.
    func exchangeEnded(_ exchange: HTTP1Connection) { goOn(after: exchange, exchange.context) }

    /// The response is complete and the request was read: the application goes on with the exchange, and the connection
    /// with another one, or it closes.
    func exchangeReleased(_ exchange: HTTP1Connection) {
        letGo(of: exchange)
        // The connection's end may be what ends the body (HTTP/1.0).
        guard exchange.keepsAlive else { return end() }
        prepareForNext(context)
    }

    /// The clocks of the request have changed.
    func updateDeadline() { stream.setDeadline(context.deadlines.next(wait, stream)) }

    /// Cuts off a client that does not take its responses.
    func watchOutput() { stream.setDeadline(noLaterThan: context.deadlines.forOutput(rare?.outputWatch, stream)) }

    /// Leaves the socket unread, so that TCP's flow control slows the client down.
    func leaveUnread() { stream.stopReceiving() }

    /// Receives again, where nothing else speaks against it.
    func resumeReading() {
        if !isParked { stream.startReceiving() }
    }

    /// The request is refused before it was read, or while it is being read: a response, and the connection closes.
    ///
    /// - Parameter malformedHead: a head that cannot be read, perhaps with bytes behind it.
    func refuse(
        _ status: Int, _ detail: String?, _ fields: HTTPFields?, malformedHead: UnsafeRawBufferPointer? = nil
    ) {
        // The rest of a body whose request was responded to needs no response.
        guard phase != .dropping, phase != .ending else { return end() }
        context.counts.countRefusal(status)
        let refused = madeExchange()
        // The record takes over the time when the request began, before `stopReading` forgets it.
        let record = refused.madeRecord()
        if let malformedHead { record?.note(malformedHead: malformedHead) }
        stopReading()
        refused.keepsAlive = false
        if status == 408 { refused.exchange.noteOutcome(.timeout) }
        // A delegate that runs, or is about to, ends the exchange itself.
        if refused.respondToRefusal(RequestRefusal(status, detail, fields)) { return }
        refused.endWithoutRun()
        end()
    }
}

// MARK: - What the stream tells

extension HTTP1ServerConnection: IOStreamConsumer {
    func streamReceived(_ stream: IOStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var consumed = 0
        while consumed < bytes.count {
            let rest = UnsafeRawBufferPointer(start: base + consumed, count: bytes.count &- consumed)
            let count: Int
            switch phase {
            case .idle:
                if exchange == nil {
                    if isFiltered, isHandedOverByAgreement() { return consumed }
                    guard canBeginExchange else { return bytes.count }
                    beginExchange()
                }
                phase = .exchange
                continue
            case .exchange where isRequestRead:
                // The next requests wait until this one is responded to.
                holdUp(unread: rest.count)
                return consumed
            case .exchange: count = read(rest)
            case .dropping: count = drop(rest)
            case .blocked:
                holdUp(unread: rest.count)
                return consumed
            case .handingOver: return consumed
            case .proxyHeader: count = readProxyHeader(rest)
            case .ending: return bytes.count
            }
            guard count > 0 else { break }
            consumed += count
        }
        return consumed
    }

    @inline(__always)
    private var isRequestRead: Bool {
        guard exchange != nil else { return false }
        return Unmanaged.passUnretained(exchange.unsafelyUnwrapped)._withUnsafeGuaranteedRef { $0.isRequestRead }
    }

    /// Has the exchange read what it can. Returns how many bytes it took.
    @inline(__always)
    private func read(_ bytes: UnsafeRawBufferPointer) -> Int {
        if exchange == nil { beginExchange() }
        // Not retained: an exchange that is let go of meanwhile lives until the next turn.
        return Unmanaged.passUnretained(exchange.unsafelyUnwrapped)._withUnsafeGuaranteedRef { exchange in
            let count = exchange.read(bytes)
            if count == 0 { waitForMore(exchange, unread: bytes.count) }
            return count
        }
    }

    /// Keeps the remaining bytes: an incomplete request, or one whose turn has not come.
    @inline(never)
    private func waitForMore(_ exchange: HTTP1Connection, unread: Int) {
        let isComplete = exchange.isRequestRead
        if exchange.isUnused {
            // Empty lines before a request do not belong to it.
            phase = .idle
            renew(exchange)
            giveBackExchange()
        }
        holdUp(unread: unread, isComplete: isComplete)
    }

    /// Bytes wait for their turn: over the limit, the client is left unread.
    @inline(__always)
    private func holdUp(unread: Int, isComplete: Bool = true) {
        if unread > Self.uncountedSize { recharge() }
        if isComplete, unread > context.pipelineBufferSize { leaveUnread() }
    }

    @inline(never)
    private func drop(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let exchange else { return bytes.count }
        let count = exchange.read(bytes)
        if exchange.hasDroppedTooMuch {
            end()
            return bytes.count
        }
        guard exchange.isRequestRead else { return count }
        // The last byte of an unread body has come.
        if context.isDraining {
            end()
            return bytes.count
        }
        renew(exchange)
        prepareForNext(context)
        // While bytes are being delivered, those that were read count as there.
        if count == bytes.count, phase == .exchange {
            phase = .idle
            giveBackExchange()
        }
        return count
    }

    /// The client has ended its side, and sends nothing more. It may still read: its complete requests are responded to.
    func streamEnded(_ stream: IOStream) {
        switch phase {
        // Requests wait until the output is taken; `nextRequest` then sees that the client has ended.
        case .blocked, .handingOver, .ending: break
        case .idle, .dropping, .proxyHeader: stream.closeAfterOutput()
        case .exchange:
            guard let exchange, !exchange.isUnused else { return stream.closeAfterOutput() }
            if exchange.isRequestRead { return tellHandlerOfEndLater() }
            stopReading()
            exchange.keepsAlive = false
            clientDisconnected(exchange)
        }
    }

    /// Nothing is read meanwhile, so that a client that leaves is known by this alone.
    func streamPeerLeft(_ stream: IOStream, isGone: Bool) {
        if isGone { return stream.close(.endedByPeer) }
        if phase == .exchange, exchange?.isRequestRead == true { tellHandlerOfEndLater() }
    }

    func streamClosed(_ stream: IOStream, _ reason: StreamClosedError.Reason) {
        stopReading()
        if let exchange {
            exchange.exchange.noteOutcome(outcomeOfClose)
            exchange.clientDisconnected()
            if case .executing = exchange.run {
                // The application goes on until it has returned.
                letGo(of: exchange)
            } else {
                endExchangeWithoutRun()
            }
        }
        releaseCharge()
        releaseClient()
        context.connections.remove(self)
    }

    func streamDrained(_ stream: IOStream) {
        if rare != nil { recharge() }
        if phase == .blocked { prepareForNext(context) }
    }

    func streamDeadline(_ stream: IOStream, asOf time: UInt64) {
        var wait = wait
        let overdue = context.deadlines.overdue(&wait, stream, time)
        if wait.output !== rare?.outputWatch { madeRare().outputWatch = wait.output }
        switch overdue {
        case nil: stream.setDeadline(context.deadlines.next(wait, stream))
        // A filter has to end its output: a client with TLS must be able to tell that nothing is missing.
        case .idle: end()
        // The kernel would otherwise keep output for a client that does not take it, for as long as the client likes.
        case .write:
            noteClose(.timeout)
            stream.reset()
        case .head:
            // A client that has not said who it is does not expect HTTP yet.
            if phase == .proxyHeader { return stream.close() }
            refuse(408, "the request's head took too long", nil)
        case .body: refuse(408, "the request's body took too long", nil)
        }
    }

    private var wait: ConnectionWait {
        ConnectionWait(idleSince: isIdle ? idleSince : nil, request: exchange?.clocks, output: rare?.outputWatch)
    }
}

// MARK: - What the server asks

extension HTTP1ServerConnection: ServerConnection {
    func drain() { exchange?.tellShutdown() }

    func closeIfIdle() { if isIdle || phase == .blocked || phase == .proxyHeader { end() } }

    /// Closes the connection a little later while the server shuts down: the response did not announce the close, so that the
    /// client may have sent its next request already.
    @inline(never)
    private func closeSoon() {
        stream.loop.callLater(Self.lastGrace) { [weak self] in self?.closeIfIdle() }
    }

    private static let lastGrace = Duration.milliseconds(250)

    var requestsUnderWay: [ShutdownResult.Cut] {
        guard phase == .exchange, let exchange, !exchange.isUnused, let request = exchange.requestUnderWay else {
            return []
        }
        return [request]
    }

    func cancel() { exchange?.cancel() }

    /// A response that is cut must not look complete, and the kernel must not keep output for a client that does not take it.
    func close() {
        noteClose(.cut)
        if stream.outputCount > 0 || exchange?.endsWithConnection == true { stream.reset() } else { stream.close() }
    }
}
