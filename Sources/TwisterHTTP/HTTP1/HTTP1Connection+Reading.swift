import HTTPTypes
import TwisterCodec
import TwisterCompression
import TwisterIO

/// Reading one request: its head, its body, and the part of a body that nobody wants.
extension HTTP1Connection {
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

    // On the path of every request, the exchange and the context are passed as parameters: Swift retains an object that code
    // reaches through two properties, but not one that it reaches through one.

    private func readHead(_ bytes: UnsafeRawBufferPointer, _ exchange: HTTPConnection, _ context: ServerContext) -> Int
    {
        switch parser.parse(bytes, into: exchange.requestHead) {
        case .complete(let consumed):
            if let begun = clocks {
                firstByteAt = begun.headSince
                clocks = nil
            }
            begin(exchange, context, hasMore: bytes.count > consumed)
            return consumed
        case .needMore:
            // Empty lines before a request do not belong to it: the connection is idle, not slow.
            if clocks == nil, !parser.isIdle { awaitHead() }
            return 0
        case .invalid(let error):
            if error == .unsupportedVersion, owner?.isHandedOver(at: bytes) == true { return 0 }
            owner?.refuse(error.status, error.reason, nil, malformedHead: bytes)
            return bytes.count
        }
    }

    /// Starts the clock of the head, which has to be complete in time from now on.
    @inline(never)
    func awaitHead() {
        clocks = RequestClocks(headSince: context.loop.turnTime)
        owner?.updateDeadline()
    }

    /// Begins the exchange, whose head was read. `hasMore`: more bytes came with the head.
    private func begin(_ exchange: HTTPConnection, _ context: ServerContext, hasMore: Bool) {
        exchange.begin(at: context.loop.turnTime, from: client)
        if isFiltered { exchange.note(withStream { $0.security } ?? nil) }
        if let rules = context.proxyRules {
            exchange.state.origin.forwarded = rules.client(of: exchange.requestHead, from: client)
        }
        let observation = context.observation
        if let observation { beginRecord(observation) }
        keepsAlive = context.keepsAlive && exchange.requestHead.keepAlive
        var framing = MessageFraming.none
        var coding: ContentCoding?
        if !exchange.requestHead.isPlain {
            do throws(RequestRefusal) {
                (framing, coding) = try check(exchange.requestHead)
            } catch {
                return beginRefused(error)
            }
        }
        let delegate = context.delegate.startRequest(HTTPServerRequest(exchange))
        exchange.expect(delegate.headersReceived(), context.bodyLimits)
        self.delegate = consume delegate
        if let observation { tellBegan(observation) }
        if !keepsAlive, context.isDraining { tellShutdown() }
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
        return (framing, context.decompressesBodies && framing.hasBody ? try head.takeContentCoding() : nil)
    }

    /// Refuses a request because of its head. The request's route responds where the request itself was understood (415, 417).
    @inline(never)
    private func beginRefused(_ refusal: RequestRefusal) {
        if refusal.isOfKnownRequest {
            let delegate = context.delegate.startRequest(HTTPServerRequest(exchange))
            exchange.expect(delegate.headersReceived(), context.bodyLimits)
            self.delegate = delegate
            if let observation = context.observation { tellBegan(observation) }
        }
        refuse(refusal.status, refusal.detail, refusal.fields)
    }

    /// Refuses the request. A function of its own, because few requests are refused.
    @inline(never)
    private func refuse(_ status: Int, _ detail: String? = nil, _ fields: HTTPFields? = nil) {
        owner?.refuse(status, detail, fields)
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
        // A client that sends its body along with its head does not wait for a 100.
        self.body = IncomingBody(awaitsContinue: !hasMore && exchange.requestHead.expectation == .continue100)
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
        clocks?.bodyArrived(bytes.count, context.loop.turnTime, context.deadlines)
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

    /// Begins to drop the rest of the body, whose request has its response.
    func dropBody() {
        body?.dropped = 0
        clocks = RequestClocks(bodySince: context.loop.turnTime)
    }

    /// Whether more bytes were dropped than a new connection would cost. The length of a chunked body is not known before.
    var hasDroppedTooMuch: Bool { body?.dropped ?? 0 > Self.dropLimit }

    // MARK: BodySource

    func pauseBody() {
        pauseClocks()
        owner?.leaveUnread()
    }

    /// Stops the clock of the body: while the server reads nothing, the client is not late.
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

    /// Reads the connection on once the budget, for lack of which it was parked, has room again.
    func resumeAfterParking() {
        switch reading {
        case .fixedBody, .chunkedBody: if exchange.requestBody.stream?.isPaused != true { resumeBody() }
        case .head: owner?.resumeReading()
        case .complete, .abandoned: break
        }
    }

    /// Sends a 100 to a client that waits for it before it sends its body (RFC 9110, 10.1.1).
    func bodyAwaited() {
        guard body?.awaitsContinue == true, case .head = writing, exchange.requestBody.received == 0 else { return }
        body?.awaitsContinue = false
        // The client has waited for the handler, not the other way round.
        clocks?.startBody(context.loop.now)
        owner?.updateDeadline()
        _ = withStream { $0.enqueue(ResponseEncoder.continue100) }
    }

    func bodyLimitChanged() {
        // The request was refused before and is not refused a second time.
        if case .abandoned = reading { return }
        var least = exchange.requestBody.received
        if case .fixedBody(let remaining) = reading { least += remaining }
        if !exchange.isFinished, least > exchange.requestBody.limit { refuse(413) }
    }

    func limitBodyTime(_ timeout: Duration) {
        switch reading {
        case .head, .fixedBody, .chunkedBody: break
        case .complete, .abandoned: return
        }
        var limited = clocks ?? RequestClocks()
        limited.bodyEnd = context.loop.now &+ UInt64(clamping: timeout.nanosecondsClamped)
        clocks = limited
        owner?.updateDeadline()
    }
}

/// The state of a request's body while it is read.
final class IncomingBody {
    var chunks = ChunkedDecoder()
    /// Whether the client waits for a 100 before it sends its body.
    var awaitsContinue: Bool
    /// Bytes of an unread body that were dropped; nil: none of it is to be dropped.
    var dropped: Int?

    init(awaitsContinue: Bool) { self.awaitsContinue = awaitsContinue }
}
