import HTTPTypes
import TwisterCodec
import TwisterCompression
import TwisterIO

/// The HTTP/1.1 framing of one exchange on a connection (RFC 9112): reads a request, has it run by the loop, and frames
/// its response.
///
/// A connection has one while a request is being read or responded to, and none while it is idle.
///
/// Tornado: `http1connection.HTTP1Connection`.
final class HTTP1Connection: ExchangeTransport {
    /// How far the request is read.
    enum Reading {
        case head
        case fixedBody(remaining: Int)
        case chunkedBody
        /// To its end.
        case complete
        /// No further: the rest is of no interest.
        case abandoned
    }

    /// How far the application is.
    enum Run {
        /// It does not run: the head or a collected body is not complete.
        case waiting
        /// It is in the loop's queue.
        case scheduled
        /// On that worker of the loop.
        case executing(worker: Int)
        /// It has returned, and the exchange is being ended.
        case ending
        /// The connection's next request became ready meanwhile.
        case endingAndReady
    }

    /// How the response's body is framed.
    private enum Writing {
        /// The head is not sent.
        case head
        /// The bytes go out as they are.
        case plain
        case chunked
        /// The body ends where the connection does (HTTP/1.0).
        case untilClose
        case complete
    }

    /// The service outlives its exchanges: connections and the loop's work hold both.
    private unowned let service: HTTP1Service
    let context: ServerContext
    let exchange: HTTPConnection
    private let unretainedExchange: Unmanaged<HTTPConnection>
    // One exchange follows another on this object; what begins anew is replaced in `renew`. Not checked for exclusivity,
    // since the parts do not call back while they are changed.
    @exclusivity(unchecked) private var delegate: (any HTTPMessageDelegate)?
    /// The connection and its stream; nil once the connection has closed or gone on. They outlive the attachment, because a
    /// connection detaches its exchange before it goes; to retain them at each use would cost 200 instructions a request.
    @exclusivity(unchecked) private var unretainedOwner: Unmanaged<HTTP1ServerConnection>?
    @exclusivity(unchecked) private var unretainedStream: Unmanaged<IOStream>?
    /// Who is at the other end.
    @exclusivity(unchecked) private var client: IPAddress?
    @exclusivity(unchecked) private(set) var run = Run.waiting
    @exclusivity(unchecked) private var parser: RequestParser
    @exclusivity(unchecked) private(set) var reading = Reading.head
    @exclusivity(unchecked) private var writing = Writing.head
    /// Whether another request may follow on the connection.
    @exclusivity(unchecked) var keepsAlive = true
    /// Nil for a request that has come in one piece.
    @exclusivity(unchecked) private(set) var clocks: RequestClocks?
    /// The state of a body; nil for a request that has none.
    @exclusivity(unchecked) private var body: Body?
    /// The next one in `HTTP1Service`'s list of those that are not in use.
    @exclusivity(unchecked) fileprivate var nextIdle: HTTP1Connection?

    private final class Body {
        var chunks = ChunkedDecoder()
        /// Whether the client waits for a 100 before it sends its body.
        var awaitsContinue: Bool
        /// Bytes of an unread body that were dropped; nil: none of it is to be dropped.
        var dropped: Int?

        init(awaitsContinue: Bool) { self.awaitsContinue = awaitsContinue }
    }

    init(_ service: HTTP1Service) {
        self.service = service
        context = service.context
        exchange = HTTPConnection(context.loop)
        unretainedExchange = Unmanaged.passUnretained(exchange)
        parser = RequestParser(limits: context.parserLimits)
    }

    deinit { exchange.detach() }

    // MARK: On a connection

    @inline(__always)
    func attach(_ owner: HTTP1ServerConnection, _ stream: IOStream, client: IPAddress?) {
        unretainedOwner = Unmanaged.passUnretained(owner)
        self.client = client
        unretainedStream = Unmanaged.passUnretained(stream)
        exchange.transport = self
    }

    /// Calls `body` with the stream, without a reference of its own; nil where there is no stream any more.
    @inline(__always)
    private func withStream<Result>(_ body: (IOStream) -> Result) -> Result? {
        unretainedStream?._withUnsafeGuaranteedRef(body)
    }

    /// The exchange was renewed, and its connection is idle.
    @inline(__always)
    func leaveConnection() {
        unretainedOwner = nil
        unretainedStream = nil
    }

    /// The connection has closed or gone on. The application may still run.
    func detach() {
        unretainedOwner = nil
        unretainedStream = nil
        exchange.requestBody.fail(.clientDisconnected)
        exchange.detach()
        if case .scheduled = run { run = .waiting }
    }

    private var owner: HTTP1ServerConnection? { unretainedOwner?.takeUnretainedValue() }

    /// Whether nothing of a request has come.
    var isUnused: Bool {
        if case .head = reading { return parser.isIdle }
        return false
    }

    /// Makes ready for another request. Returns false where somebody holds the exchange, which then cannot be used again.
    func renew() -> Bool {
        guard unretainedExchange.isUniquelyReferenced, !exchange.isHeldPartly else { return false }
        exchange.renew()
        parser.reset()
        reading = .head
        writing = .head
        keepsAlive = true
        if clocks != nil { clocks = nil }
        if body != nil { body = nil }
        return true
    }

    // MARK: Reading

    /// Reads on, and returns how many bytes it consumed; 0 where it needs more of them, or waits.
    func read(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch reading {
        case .head: readHead(bytes, exchange, context)
        case .fixedBody(let remaining): readFixedBody(bytes, remaining)
        case .chunkedBody: readChunkedBody(bytes)
        case .complete: 0
        case .abandoned: bytes.count
        }
    }

    var isRequestRead: Bool {
        if case .complete = reading { return true }
        return false
    }

    // The exchange and the context come as parameters on the way of each request: what is reached through two properties
    // is retained, what is reached through one is not.

    private func readHead(_ bytes: UnsafeRawBufferPointer, _ exchange: HTTPConnection, _ context: ServerContext) -> Int
    {
        switch parser.parse(bytes, into: exchange.requestHead) {
        case .complete(let consumed):
            if clocks != nil { clocks = nil }
            begin(exchange, context, hasMore: bytes.count > consumed)
            return consumed
        case .needMore:
            // Empty lines before a request are none of it: the connection is idle, not slow.
            if clocks == nil, !parser.isIdle { awaitHead() }
            return 0
        case .invalid(let error):
            refuse(error.status, error.reason)
            return bytes.count
        }
    }

    /// From now on the head has to be complete in time.
    @inline(never)
    func awaitHead() {
        clocks = RequestClocks(headSince: context.loop.turnTime)
        owner?.updateDeadline()
    }

    /// The head was read. `hasMore`: more bytes came with it.
    private func begin(_ exchange: HTTPConnection, _ context: ServerContext, hasMore: Bool) {
        exchange.begin(at: context.loop.turnTime, from: client)
        if let rules = context.proxyRules {
            exchange.state.origin.forwarded = rules.client(of: exchange.requestHead, from: client)
        }
        keepsAlive = context.keepsAlive && exchange.requestHead.keepAlive
        var framing = MessageFraming.none
        var coding: ContentCoding?
        if !exchange.requestHead.isPlain {
            do throws(RequestRefusal) {
                (framing, coding) = try check(exchange.requestHead)
            } catch {
                return refuse(error.status, error.detail, error.fields)
            }
        }
        let delegate = context.delegate.startRequest(HTTPServerRequest(exchange))
        exchange.expect(delegate.headersReceived(), context.bodyLimits)
        self.delegate = consume delegate
        switch framing {
        case .none, .invalid, .length(0):
            reading = .complete
            if clocks != nil { clocks = nil }
            if exchange.requestBody.isUsed { endRequestBody(nil) } else { schedule(context) }
        case .length(let length):
            guard length <= exchange.requestBody.limit else { return refuse(413) }
            startBody(.fixedBody(remaining: length), coding, hasMore)
        case .chunked: startBody(.chunkedBody, coding, hasMore)
        }
    }

    /// Checks a head that says something of the request's body, or has a whole URL as its target.
    @inline(never)
    private func check(_ head: RequestHead) throws(RequestRefusal) -> (MessageFraming, ContentCoding?) {
        let framing = MessageFraming.framing(of: head)
        if case .invalid(let error) = framing { throw RequestRefusal(error.status, error.reason) }
        if head.hasExpect, head.expectation == .unknown { throw RequestRefusal(417) }
        // A request for a secured connection is not responded to on another (RFC 9110, 7.4).
        if head.isTargetSecured, !exchange.state.origin.isSecured { throw RequestRefusal(421) }
        return (framing, context.decompressesBodies && framing.hasBody ? try contentCoding(head) : nil)
    }

    /// Apart, because few requests are refused.
    @inline(never)
    private func refuse(_ status: Int, _ detail: String? = nil, _ fields: HTTPFields? = nil) {
        owner?.refuse(status, detail, fields)
    }

    /// The coding of the body that is to be undone; the application then sees it as `X-Consumed-Content-Encoding`, which the
    /// head says before anybody else has seen it.
    private func contentCoding(_ head: RequestHead) throws(RequestRefusal) -> ContentCoding? {
        guard let name = head[.contentEncoding], name.lowercased() != "identity", !name.isEmpty else { return nil }
        guard let coding = ContentCoding(name) else {
            throw RequestRefusal(
                415, "the body's Content-Encoding is not supported", [.acceptEncoding: "gzip, deflate"])
        }
        head.renameField("content-encoding", to: "X-Consumed-Content-Encoding")
        return coding
    }

    @inline(never)
    private func startBody(_ body: Reading, _ coding: ContentCoding?, _ hasMore: Bool) {
        if let coding {
            do throws(RequestRefusal) {
                try exchange.requestBody.startInflating(coding, maxRatio: context.bodyLimits.inflateRatio)
            } catch {
                refuse(error.status, error.detail, error.fields)
                return
            }
        }
        reading = body
        // A client that sends its body with its head waits for nothing.
        self.body = Body(awaitsContinue: !hasMore && exchange.requestHead.expectation == .continue100)
        var started = clocks ?? RequestClocks()
        started.startBody(context.loop.turnTime)
        clocks = started
        owner?.updateDeadline()
        if exchange.requestBody.stream != nil { schedule(context) } else { bodyAwaited() }
    }

    @inline(never)
    private func readFixedBody(_ bytes: UnsafeRawBufferPointer, _ remaining: Int) -> Int {
        let count = min(bytes.count, remaining)
        reading = .fixedBody(remaining: remaining - count)
        receiveBody(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        if count == remaining { endBody(nil) }
        return count
    }

    @inline(never)
    private func readChunkedBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let body else { return bytes.count }
        switch body.chunks.next(bytes) {
        case .data(let range, let consumed):
            guard isDropping || range.count <= exchange.requestBody.limit - exchange.requestBody.received else {
                refuse(413)
                return bytes.count
            }
            receiveBody(UnsafeRawBufferPointer(rebasing: bytes[range]))
            return consumed
        case .needMore(let consumed): return consumed
        case .end(let consumed):
            endBody(body.chunks.trailers)
            return consumed
        case .invalid(let error):
            refuse(error.status, error.reason)
            return bytes.count
        }
    }

    private func receiveBody(_ bytes: UnsafeRawBufferPointer) {
        if let body, let dropped = body.dropped {
            body.dropped = dropped + bytes.count
            return
        }
        clocks?.bodyArrived(bytes.count, context.loop.turnTime)
        do throws(RequestRefusal) {
            try exchange.requestBody.receive(bytes)
            owner?.recharge()
        } catch {
            refuse(error.status, error.detail, error.fields)
        }
    }

    private func endBody(_ trailers: HTTPFields?) {
        // Reading it may have ended the connection.
        if case .abandoned = reading { return }
        reading = .complete
        clocks = nil
        if !isDropping { endRequestBody(trailers) }
    }

    private func endRequestBody(_ trailers: HTTPFields?) {
        do throws(RequestRefusal) {
            try exchange.requestBody.end(trailers)
        } catch {
            refuse(error.status, error.detail, error.fields)
            return
        }
        switch run {
        case .waiting, .ending: schedule(context)
        case .executing: releaseIfComplete()
        case .scheduled, .endingAndReady: break
        }
    }

    /// Nothing that follows on the connection is read for this request.
    func abandonReading() {
        reading = .abandoned
        clocks = nil
    }

    // MARK: A body that nobody reads

    /// Longest rest of an unread body that is read and dropped to keep the connection; a longer one costs more than a new
    /// connection does.
    private static let dropLimit = 65_536

    private var isDropping: Bool { body?.dropped != nil }

    /// Whether the rest of the request's body is short, and on its way.
    var mayDropBody: Bool {
        if body?.awaitsContinue == true, exchange.requestBody.received == 0 { return false }
        return switch reading {
        case .fixedBody(let remaining): remaining <= Self.dropLimit
        case .chunkedBody: true
        case .head, .complete, .abandoned: false
        }
    }

    /// Forgets a body that was collected for an application that does not run yet.
    func dropCollectedBody() {
        if case .executing = run { return }
        exchange.requestBody.drop()
    }

    /// Drops the rest of the body, whose request is responded to.
    func dropBody() {
        body?.dropped = 0
        clocks = RequestClocks(bodySince: context.loop.turnTime)
    }

    /// Whether more was dropped than the connection is worth: a chunked body may turn out to be long.
    var hasDroppedTooMuch: Bool { body?.dropped ?? 0 > Self.dropLimit }

    // MARK: BodySource

    func pauseBody() {
        pauseClocks()
        owner?.leaveUnread()
    }

    /// While nothing is read, a body is not late.
    func pauseClocks() { clocks?.pauseBody() }

    func resumeBody() {
        owner?.recharge()
        switch reading {
        case .fixedBody, .chunkedBody:
            clocks?.startBody(context.loop.now)
            owner?.updateDeadline()
            owner?.resumeReading()
        case .head, .complete, .abandoned: break
        }
    }

    /// The connection may be read again, after there was no memory for more.
    func resumeAfterParking() {
        switch reading {
        case .fixedBody, .chunkedBody: if exchange.requestBody.stream?.isPaused != true { resumeBody() }
        case .head: owner?.resumeReading()
        case .complete, .abandoned: break
        }
    }

    /// Tells a client that waits for it to send its body (RFC 9110, 10.1.1).
    func bodyAwaited() {
        guard body?.awaitsContinue == true, case .head = writing, exchange.requestBody.received == 0 else { return }
        body?.awaitsContinue = false
        _ = withStream { $0.enqueue(ResponseEncoder.continue100) }
    }

    func bodyLimitChanged() {
        var least = exchange.requestBody.received
        if case .fixedBody(let remaining) = reading { least += remaining }
        if !exchange.isFinished, least > exchange.requestBody.limit { refuse(413) }
    }

    func limitBodyTime(_ timeout: Duration) {
        guard !isRequestRead else { return }
        var limited = clocks ?? RequestClocks()
        limited.bodyEnd = context.loop.now &+ UInt64(clamping: timeout.nanosecondsClamped)
        clocks = limited
        owner?.updateDeadline()
    }

    // MARK: The client

    /// The client has disconnected. The application is told; where it runs, it is cancelled unless it opted out.
    func clientDisconnected() {
        guard exchange.clientDisconnected() else { return }
        delegate?.onConnectionClose()
        if case .executing(let worker) = run, delegate?.cancelsOnDisconnect == true {
            context.loop.cancelWorker(worker)
        }
    }

    /// Ends an exchange that does not run: its delegate hears of it.
    func endWithoutRun() {
        run = .waiting
        if !exchange.isFinished { exchange.abort() }
        exchange.concludeDetached()
        delegate.take()?.exchangeEnded()
    }
}

// MARK: - Running

extension HTTP1Connection: LoopWork {
    /// Has the loop run the application.
    private func schedule(_ context: ServerContext) {
        // The loop asks `didRun` for more, which it then runs at once.
        if case .ending = run {
            run = .endingAndReady
        } else {
            run = .scheduled
            context.loop.schedule(self)
        }
    }

    func willRun(on worker: Int) -> (any LoopJob)? {
        guard case .scheduled = run else { return nil }
        run = .executing(worker: worker)
        if unretainedStream?._withUnsafeGuaranteedRef({ $0.hasPeerLeft }) == true { tellOfEndLater() }
        return delegate
    }

    /// The client ended before its request was begun. A handler that responds at once does so; one that waits learns of it.
    @inline(never)
    private func tellOfEndLater() {
        guard let stream else { return }
        context.loop.addLocalCallback { [weak stream] in
            guard let stream else { return }
            stream.consumer?.streamPeerLeft(stream, isGone: false)
        }
    }

    func didRun() -> Bool {
        run = .ending
        if unretainedOwner != nil { exchange.conclude(through: self) } else { exchange.concludeDetached() }
        delegate.take()?.exchangeEnded()
        unretainedOwner?._withUnsafeGuaranteedRef { $0.exchangeEnded(self) }
        guard case .endingAndReady = run else {
            run = .waiting
            return false
        }
        run = .scheduled
        return true
    }

    /// A complete response to a request that was read frees the connection, while the application goes on.
    private func releaseIfComplete() {
        guard case .executing = run, case .complete = writing, isRequestRead, unretainedOwner != nil else { return }
        // Most applications return right after that. The next turn sees whether this one goes on.
        service.releaseLater(self)
    }

    /// Frees the connection where the application still goes on.
    fileprivate func release() {
        guard case .executing = run, case .complete = writing, isRequestRead else { return }
        owner?.exchangeReleased(self)
    }
}

// MARK: - Writing

extension HTTP1Connection {
    var isHTTP10: Bool { exchange.requestHead.versionMinor == 0 }

    private var stream: IOStream? { unretainedStream?.takeUnretainedValue() }

    var responseTime: Int64 { context.unixSeconds }

    func sendInformational(_ head: ResponseHead) {
        if head.status == 100 { body?.awaitsContinue = false }
        _ = withStream { stream in
            let base = stream.reserveOutput(ResponseEncoder.informationalUpperBound(head))
            stream.commitOutput(ResponseEncoder.encodeInformational(head, into: base))
        }
    }

    func sendHead(_ head: ResponseHead, _ length: BodyLength, _ body: inout ResponseBody) {
        let isLast = head.closesConnection || !context.keepsAlive
        if isLast || !isRequestRead && !mayDropBody { keepsAlive = false }
        var inline = 0
        let framing: ResponseEncoder.Framing
        switch length {
        case .none:
            writing = .plain
            framing = .none
        case .omitted(let length):
            writing = .plain
            framing = .length(length)
        case .known(let length):
            writing = .plain
            framing = .length(length)
            if length == body.count, !body.isLarge { inline = length }
        case .unknown where isHTTP10:
            writing = .untilClose
            keepsAlive = false
            framing = .none
        case .unknown:
            writing = .chunked
            framing = .chunked
        }
        let persistence: ResponseEncoder.Persistence = !keepsAlive ? .close : isHTTP10 ? .keepAlive : .implied
        if let unretainedStream {
            unretainedStream._withUnsafeGuaranteedRef {
                Self.send(head, framing, persistence, body, inline, $0, context)
            }
        }
        if inline > 0 { body.removeAll() }
    }

    /// Everything that it needs comes as a parameter: properties would be retained.
    @inline(__always)
    private static func send(
        _ head: ResponseHead, _ framing: ResponseEncoder.Framing, _ persistence: ResponseEncoder.Persistence,
        _ body: borrowing ResponseBody, _ inline: Int, _ stream: IOStream, _ context: ServerContext
    ) {
        let output = stream.reserveOutput(context.encoder.upperBound(head) + inline)
        let count = context.encoder.encode(
            head, framing: framing, persistence: persistence, date: context.date, at: context.unixSeconds, into: output)
        if inline > 0, let base = body.octets.baseAddress {
            (output + count).copyMemory(from: base, byteCount: inline)
        }
        stream.commitOutput(count + inline)
    }

    func sendBody(_ body: inout ResponseBody) {
        guard let stream else { return body.removeAll() }
        guard case .chunked = writing else { return body.send(stream) }
        let base = stream.reserveOutput(ChunkEncoder.headUpperBound)
        stream.commitOutput(ChunkEncoder.encodeHead(body.count, into: base))
        body.send(stream)
        stream.enqueue(ChunkEncoder.tail)
    }

    /// A range of at most so many bytes is copied: it goes out together with the head, and a client that asks for many
    /// small files and takes none of them does not keep them all open.
    private static var copyLimit: Int { 16_384 }

    func sendFile(_ file: OpenFile, _ range: Range<Int>) -> Bool {
        guard let stream, !range.isEmpty else { return true }
        guard range.count <= Self.copyLimit else {
            stream.enqueueFile(
                file.descriptor, offset: UInt64(clamping: range.lowerBound), length: range.count, owner: file)
            return true
        }
        let count = file.read(into: stream.reserveOutput(range.count), range.count, at: range.lowerBound)
        stream.commitOutput(count)
        return count == range.count
    }

    func sendEnd(_ trailers: ResponseTrailers?) {
        if case .chunked = writing, let stream { sendLastChunk(trailers, stream) }
        writing = .complete
        releaseIfComplete()
    }

    @inline(never)
    private func sendLastChunk(_ trailers: ResponseTrailers?, _ stream: IOStream) {
        guard let trailers else { return stream.enqueue(ChunkEncoder.lastChunk) }
        let base = stream.reserveOutput(ChunkEncoder.lastChunkUpperBound(trailers))
        stream.commitOutput(ChunkEncoder.encodeLastChunk(trailers, into: base))
    }

    func abort() {
        keepsAlive = false
        guard let stream else { return }
        // The end of such a body is the connection's: an orderly end would look like the end of the body.
        if case .untilClose = writing { stream.reset() } else { stream.closeAfterOutput() }
    }

    /// Also where the stream is closed, so that a handler that goes on writing hears of that at once.
    var isBackedUp: Bool { stream.map { $0.isClosed || $0.isOverHighWatermark } ?? true }

    func drained() async throws {
        guard let stream else { throw StreamClosedError(realError: .endedByPeer) }
        owner?.watchOutput()
        owner?.recharge()
        do {
            try await stream.drained()
        } catch let error as StreamClosedError {
            // Those that wait for a stream hear of its end before its connection does.
            clientDisconnected()
            throw error
        }
    }
}

/// The HTTP/1 side of a server: what its connections share, and the exchanges that are not in use.
final class HTTP1Service {
    let context: ServerContext
    /// A list of the exchanges that are not in use, through `nextIdle`.
    @exclusivity(unchecked) private var idle: HTTP1Connection?
    @exclusivity(unchecked) private var idleCount = 0

    /// So many are kept: as many as one batch of events usually needs at once.
    private static let keptExchanges = 64

    init(_ context: ServerContext) { self.context = context }

    /// Exchanges whose responses were complete before their applications had returned.
    private var releasable: ContiguousArray<HTTP1Connection> = []

    /// Looks in the next turn whether the exchange's application still goes on.
    func releaseLater(_ exchange: HTTP1Connection) {
        releasable.append(exchange)
        guard releasable.count == 1 else { return }
        context.loop.addLocalCallback { [self] in
            let exchanges = releasable
            releasable.removeAll(keepingCapacity: exchanges.count < 1024)
            for exchange in exchanges { exchange.release() }
        }
    }

    func takeExchange() -> HTTP1Connection {
        guard let taken = idle else { return HTTP1Connection(self) }
        idle = taken.nextIdle.take()
        idleCount &-= 1
        return taken
    }

    /// Takes back an exchange that was renewed and is attached to no connection. Returns false where there are enough.
    func keepExchange(_ exchange: HTTP1Connection) -> Bool {
        guard idleCount < Self.keptExchanges else { return false }
        exchange.nextIdle = idle.take()
        idle = exchange
        idleCount &+= 1
        return true
    }
}
