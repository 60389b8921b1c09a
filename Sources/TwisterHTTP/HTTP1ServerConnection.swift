import HTTPTypes
import TwisterCodec
package import TwisterIO

/// One accepted connection: reads requests from its stream, one after the other, and has each answered before the next is
/// begun.
///
/// Bytes come in through `streamReceived` (`+Reading`), are parsed where they lie, and begin an exchange. The loop then
/// takes the exchange's delegate (`willRun`), has it answer, and says so (`didRun`). Pipelined requests wait in the
/// stream's input.
///
/// Tornado: `http1connection.HTTP1ServerConnection`.
package final class HTTP1ServerConnection: LoopWork {
    // What each request touches lies together, in few lines of the processor's caches.
    package let stream: IOStream
    let server: HTTPServer
    /// The server's delegate, which costs no reference to reach from here.
    let application: any HTTPServerConnectionDelegate
    /// The exchange under way or, between two, the one that the next request will use.
    @exclusivity(unchecked) var exchange = HTTP1Connection()
    /// Who answers the exchange under way.
    @exclusivity(unchecked) var delegate: (any HTTPMessageDelegate)?
    @exclusivity(unchecked) var parser: RequestParser
    @exclusivity(unchecked) var reading = Reading.head
    @exclusivity(unchecked) var progress = Progress.idle
    /// The loop's worker on which the delegate answers.
    @exclusivity(unchecked) private var worker = 0
    /// Whether the loop has it run, from `willRun` to the end of `didRun`.
    @exclusivity(unchecked) private var isRunning = false
    /// Bytes that the budget was told of.
    @exclusivity(unchecked) var charged = 0
    @exclusivity(unchecked) var clocks = ConnectionClocks()

    /// Who is at the other end: the peer, or whom the PROXY protocol named; nil on a unix socket.
    private(set) var client: IPAddress?
    /// The connections of a server are numbered in the order in which they came.
    let number: UInt64
    /// Whether it is left unread because the budget is used up.
    var isParked = false
    /// Whether the connection counts as its client's.
    var isClientCounted = false
    /// Whether somebody will look after a client that is left unread.
    var isWatched = false
    var chunks = ChunkedDecoder()
    /// Bytes of an unread body that were dropped.
    private var drained = 0

    /// What the next bytes are.
    enum Reading {
        /// The PROXY protocol's header, which comes once.
        case proxyHeader
        case head
        case fixedBody(remaining: Int)
        case chunkedBody
        /// A later request's, which waits until this one is answered.
        case later
        /// Nobody's: the connection is about to close.
        case nothing
    }

    /// How far the exchange under way is.
    enum Progress {
        /// There is none.
        case idle
        /// Its body is being collected.
        case collecting
        /// It waits for the loop to run it.
        case scheduled
        /// Its delegate answers.
        case executing
        /// It is answered, and the rest of its body is read and dropped.
        case draining
    }

    init(_ stream: IOStream, _ server: HTTPServer, number: UInt64) {
        self.number = number
        self.stream = stream
        self.server = server
        application = server.delegate
        parser = RequestParser(limits: server.parserLimits)
        stream.highWatermark = server.configuration.outputHighWatermark
        stream.lowWatermark = server.configuration.outputHighWatermark / 4
    }

    /// Tornado: `HTTP1ServerConnection.start_serving`.
    func startServing() {
        stream.consumer = self
        client = stream.peerAddress?.withIPOctets { IPAddress(octets: $0) } ?? nil
        guard server.clients == nil || countClient() else { return }
        if server.usesProxyProtocol, server.configuration.trusts(client) { return awaitProxyHeader() }
        clocks.idleSince = stream.turnTime
        stream.setDeadline(server.deadlines.afterAnswer(clocks.idleSince))
        stream.startReceiving()
    }

    private func awaitProxyHeader() {
        reading = .proxyHeader
        clocks.headSince = stream.turnTime
        stream.setDeadline(server.deadlines.next(clocks, stream))
        stream.startReceiving()
    }

    /// The PROXY protocol's header has come; `source` nil: the peer is the client.
    func proxyHeaderRead(_ source: IPAddress?) {
        if let source { client = source }
        guard server.clients == nil || source == nil || countClient() else { return }
        reading = .head
        clocks.headSince = nil
        clocks.idleSince = stream.turnTime
        stream.setDeadline(server.deadlines.afterAnswer(clocks.idleSince))
    }

    // MARK: An exchange

    func schedule() {
        progress = .scheduled
        // Who has run the request before is told by `didRun`.
        if !isRunning { stream.schedule(self) }
    }

    /// Called by the loop, which has the request answered.
    package func willRun(on worker: Int) -> (any LoopJob)? {
        guard case .scheduled = progress else { return nil }
        progress = .executing
        isRunning = true
        self.worker = worker
        if stream.isPeerEnded { tellOfEndLater() }
        if stream.isHeldUp { watch() }
        return delegate
    }

    /// The client ended before its request was begun. A handler that answers at once does so; one that waits learns of it.
    private func tellOfEndLater() {
        stream.loop.addLocalCallback { [weak self] in
            guard let self, case .executing = self.progress else { return }
            self.streamEnded(self.stream)
        }
    }

    package func didRun() -> Bool {
        if case .executing = progress { finishExchange(keepAlive: withExchange { $0.conclude(stream, server) }) }
        isRunning = false
        if case .scheduled = progress { return true }
        return false
    }

    /// The exchange is over: its delegate hears of it, once, and the connection goes on to the next request or to its end.
    func finishExchange() { finishExchange(keepAlive: exchange.end()) }

    private func finishExchange(keepAlive: Bool) {
        progress = .idle
        delegate.take()?.exchangeEnded()
        guard !stream.isClosed else { return exchange.detach() }
        guard keepAlive, !server.isDraining else { return end() }
        if isRequestRead { return prepareForNext() }
        guard mayDrainRequest else { return end() }
        drainRequest()
    }

    /// Makes ready for the connection's next request, and begins it where it is there.
    private func prepareForNext() {
        // One that somebody has kept, with its request, stays as it is.
        if isKnownUniquelyReferenced(&exchange) {
            withExchange { $0.reset() }
        } else {
            exchange.detach()
            exchange = HTTP1Connection()
        }
        let lagsBehind = stream.isOverHighWatermark
        if charged != 0 || lagsBehind {
            isParked = false
            recharge()
        }
        clocks.idleSince = stream.turnTime
        stream.setDeadline(noLaterThan: server.deadlines.afterAnswer(clocks.idleSince))
        // A client that does not read its answers gets no more of them made: what it sends waits until they are taken.
        if lagsBehind { reading = .later } else { nextRequest() }
    }

    // MARK: A body that nobody read

    /// Longest rest of an unread body that is read and dropped to keep the connection; a longer one costs more than a new
    /// connection does.
    static let drainLimit = 65_536

    /// Whether what is left of the request's body is little, and on its way.
    var mayDrainRequest: Bool {
        if exchange.awaitsContinue, exchange.bodyReceived == 0 { return false }
        return switch reading {
        case .fixedBody(let remaining): remaining <= Self.drainLimit
        case .chunkedBody: true
        case .proxyHeader, .head, .later, .nothing: false
        }
    }

    private func drainRequest() {
        progress = .draining
        drained = 0
        clocks.startBody(stream.turnTime)
        stream.setDeadline(server.deadlines.next(clocks, stream))
        stream.startReceiving()
        stream.resumeInput()
    }

    /// Counts what is dropped; a chunked body may turn out to be long.
    func drop(_ count: Int) {
        drained += count
        if drained > Self.drainLimit { end() }
    }

    /// The last byte of an unread body has come.
    func finishDraining() {
        progress = .idle
        if server.isDraining { end() } else { prepareForNext() }
    }

    private func nextRequest() {
        reading = .head
        stream.startReceiving()
        stream.resumeInput()
        // It may have ended long ago, behind requests that waited; what they leave unfinished stays so.
        if stream.isPeerEnded { streamEnded(stream) }
    }

    /// Hands the exchange to what does not replace it, without a reference of its own.
    @inline(__always)
    func withExchange<Result>(_ body: (HTTP1Connection) -> Result) -> Result {
        Unmanaged.passUnretained(exchange)._withUnsafeGuaranteedRef(body)
    }

    var isIdle: Bool {
        if case .idle = progress { return true }
        return false
    }

    /// Whether the request's body was read to its end.
    var isRequestRead: Bool {
        if case .later = reading { return true }
        return false
    }

    // MARK: Ends

    /// Closes once the answer is out. Where the client may still be sending, that is waited out, so that it gets the answer.
    private func end() {
        let isRead = isRequestRead && stream.unconsumed.isEmpty
        progress = .idle
        stopReading()
        watchOutput()
        if isRead { stream.closeAfterOutput() } else { stream.lingerAfterOutput() }
    }

    /// A client that does not take what is sent is cut off, however long ago the last deadline was set.
    func watchOutput() { stream.setDeadline(server.deadlines.forOutput(clocks, stream)) }

    /// What follows on this connection is not read as requests any more.
    func stopReading() {
        reading = .nothing
        clocks.headSince = nil
        clocks.endBody()
    }

    func closeIfIdle() {
        if isIdle { end() }
    }

    /// The request is refused before it is, or while it is being, read: an error page, and the connection closes.
    func refuse(_ status: Int, _ detail: String? = nil, _ fields: HTTPFields? = nil) {
        // The rest of a body whose request was answered is nothing to answer.
        if case .draining = progress { return end() }
        stopReading()
        exchange.connection = self
        exchange.keepAlive = false
        exchange.failBody(.refused(status: status))
        exchange.respondToFailure(status, detail, fields ?? HTTPFields())
        // A delegate that runs already ends the exchange itself.
        switch progress {
        case .idle, .collecting: finishExchange()
        case .scheduled, .executing, .draining: break
        }
    }

    /// The client has gone before its request was answered. A delegate that runs is told, and cancelled unless it opted out;
    /// one that does not run yet need not begin.
    private func clientWent() {
        switch progress {
        case .idle, .draining: break
        case .collecting, .scheduled:
            exchange.failBody(.clientWent)
            if !exchange.isFinished {
                exchange.isClientGone = true
                delegate?.onConnectionClose()
            }
            finishExchange()
        case .executing:
            exchange.failBody(.clientWent)
            if exchange.isFinished || exchange.isClientGone { return }
            exchange.isClientGone = true
            delegate?.onConnectionClose()
            if delegate?.cancelsWhenClientGoes ?? false { stream.loop.cancelWorker(worker) }
        }
    }
}

// MARK: - What the stream tells besides bytes

extension HTTP1ServerConnection: IOStreamConsumer {
    /// The client has said all that it will say. A request that is whole and not yet begun is still answered, since the
    /// client may have closed just its own half; one that is being answered counts as left.
    package func streamEnded(_ stream: IOStream) {
        switch progress {
        // Requests wait until the output is taken; `nextRequest` then sees that the client has ended.
        case .idle where isRequestRead: break
        case .idle, .draining: stream.closeAfterOutput()
        case .scheduled where isRequestRead: break
        case .executing where isRequestRead && exchange.isFinished: break
        case .collecting, .scheduled, .executing:
            if !isRequestRead { stopReading() }
            exchange.keepAlive = false
            clientWent()
        }
    }

    package func streamClosed(_ stream: IOStream, _ reason: IOStream.CloseReason) {
        stopReading()
        clientWent()
        switch progress {
        case .executing: break  // `finishExchange` lets go, when the delegate has returned.
        case .idle, .collecting, .scheduled, .draining: exchange.detach()
        }
        releaseCharge()
        server.connectionClosed(self)
    }

    package func streamDrained(_ stream: IOStream) {
        if charged != 0 { recharge() }
        if isIdle, case .later = reading { nextRequest() }
    }

    package func streamDeadline(_ stream: IOStream) {
        switch server.deadlines.overdue(&clocks, stream, stream.now, isIdle: isIdle) {
        case nil: stream.setDeadline(server.deadlines.next(clocks, stream, isIdle: isIdle))
        case .idle: stream.close()
        // What the kernel holds for a client that does not take it would otherwise stay, for as long as it likes.
        case .write: stream.reset()
        case .head:
            // Who has not said who it is does not expect HTTP yet.
            if case .proxyHeader = reading { return stream.close() }
            refuse(408, "the request's head took too long")
        case .body: refuse(408, "the request's body took too long")
        }
    }
}
