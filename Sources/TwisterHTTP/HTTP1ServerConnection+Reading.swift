import TwisterCodec
package import TwisterIO

/// The way of a request's bytes: head, body, and the start of its exchange.
///
/// What a plain GET does not need is kept apart (`inline(never)`): inlined, it would have every request save registers for
/// it.
extension HTTP1ServerConnection {
    package func streamReceived(_ stream: IOStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var consumed = 0
        while consumed < bytes.count {
            let rest = UnsafeRawBufferPointer(start: base + consumed, count: bytes.count - consumed)
            let count: Int
            switch reading {
            case .head: count = withExchange { readHead(rest, of: $0) }
            case .fixedBody(let remaining): count = readFixedBody(rest, remaining)
            case .chunkedBody: count = readChunkedBody(rest)
            case .later:
                if rest.count > server.pipelineBufferSize { leaveUnread() }
                if rest.count > Self.uncountedSize { recharge(unread: rest.count) }
                return consumed
            case .proxyHeader: count = readProxyHeader(rest)
            case .nothing: return bytes.count
            }
            if count == 0 { break }
            consumed += count
        }
        return consumed
    }

    @inline(never)
    private func readProxyHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch ProxyProtocolParser.parse(bytes) {
        case .needMore: return 0
        case .complete(let consumed, let source):
            proxyHeaderRead(source)
            return consumed
        case .invalid:
            stopReading()
            stream.close()
            return bytes.count
        }
    }

    private func readHead(_ bytes: UnsafeRawBufferPointer, of exchange: HTTP1Connection) -> Int {
        switch parser.parse(bytes, into: exchange.requestHead) {
        case .complete(let consumed):
            parser.reset()
            clocks.headSince = nil
            begin(exchange, hasMore: bytes.count > consumed)
            return consumed
        case .needMore:
            // Empty lines before a request are none of it: the connection is idle, not slow.
            if clocks.headSince == nil, !parser.isIdle {
                clocks.headSince = stream.turnTime
                stream.setDeadline(server.deadlines.next(clocks, stream))
            }
            if bytes.count > Self.uncountedSize { recharge(unread: bytes.count) }
            return 0
        case .invalid(let error):
            refuse(error.status, error.reason)
            return bytes.count
        }
    }

    /// The head is whole. `hasMore`: more bytes came with it.
    private func begin(_ exchange: HTTP1Connection, hasMore: Bool) {
        exchange.begin(on: self, keepAlive: server.keepsAlive)
        let framing = MessageFraming.framing(of: exchange.requestHead)
        if case .invalid(let error) = framing { return refuse(error.status, error.reason) }
        if exchange.requestHead.hasExpect, exchange.requestHead.expectation == .unknown { return refuse(417) }

        if let rules = server.proxyRules { exchange.forwarded = rules.client(of: exchange.requestHead, from: client) }
        // What is meant for a secured connection is not answered on another (RFC 9110, 7.4).
        if exchange.requestHead.isTargetSecured, HTTPServerRequest(exchange).protocol != "https" { return refuse(421) }
        let delegate = application.startRequest(HTTPServerRequest(exchange))
        exchange.expect(delegate.headersReceived(), server)
        self.delegate = consume delegate
        switch framing {
        case .none, .invalid, .length(0):
            exchange.endBody()
            clocks.endBody()
            reading = .later
            exchange.isRequestRead = true
            schedule()
        case .length(let length):
            guard length <= exchange.bodyLimit else { return refuse(413) }
            startBody(.fixedBody(remaining: length), hasMore)
        case .chunked:
            chunks = ChunkedDecoder()
            startBody(.chunkedBody, hasMore)
        }
    }

    // MARK: Body

    @inline(never)
    private func startBody(_ body: Reading, _ hasMore: Bool) {
        if server.configuration.decompressRequest {
            do throws(RequestRefusal) {
                try exchange.startInflating(maxRatio: server.configuration.maxInflateRatio)
            } catch {
                return refuse(error.status, error.detail, error.fields)
            }
        }
        reading = body
        clocks.startBody(stream.turnTime)
        stream.setDeadline(server.deadlines.next(clocks, stream))
        // A client that sends its body with its head waits for nothing.
        exchange.awaitsContinue = !hasMore && exchange.requestHead.expectation == .continue100
        if exchange.isStreamed {
            schedule()
        } else {
            progress = .collecting
            exchange.sendContinueIfAwaited()
        }
    }

    @inline(never)
    private func readFixedBody(_ bytes: UnsafeRawBufferPointer, _ remaining: Int) -> Int {
        let count = min(bytes.count, remaining)
        reading = .fixedBody(remaining: remaining - count)
        receiveBody(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        if count == remaining { endBody() }
        return count
    }

    @inline(never)
    private func readChunkedBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch chunks.next(bytes) {
        case .data(let range, let consumed):
            guard isDraining || range.count <= exchange.bodyLimit - exchange.bodyReceived else {
                refuse(413)
                return bytes.count
            }
            receiveBody(UnsafeRawBufferPointer(rebasing: bytes[range]))
            return consumed
        case .needMore(let consumed): return consumed
        case .end(let consumed):
            exchange.requestTrailers = chunks.trailers
            endBody()
            return consumed
        case .invalid(let error):
            refuse(error.status, error.reason)
            return bytes.count
        }
    }

    private var isDraining: Bool {
        if case .draining = progress { return true }
        return false
    }

    private func receiveBody(_ bytes: UnsafeRawBufferPointer) {
        if isDraining { return drop(bytes.count) }
        clocks.bodyArrived(bytes.count, stream.turnTime)
        do throws(RequestRefusal) {
            try exchange.receiveBody(bytes)
            recharge()
        } catch {
            refuse(error.status, error.detail, error.fields)
        }
    }

    private func endBody() {
        // Reading it may have ended the connection.
        if case .nothing = reading { return }
        if let inflater = exchange.inflater, !isDraining {
            do throws(RequestRefusal) {
                try exchange.finishInflating(inflater)
            } catch {
                return refuse(error.status, error.detail, error.fields)
            }
        }
        reading = .later
        clocks.endBody()
        exchange.isRequestRead = true
        exchange.endBody()
        switch progress {
        case .collecting: schedule()
        case .draining: finishDraining()
        case .idle, .scheduled, .executing: break
        }
    }

    /// The limit was changed: a body that is known to be longer is refused, before more of it is read.
    func checkBodyLimit() {
        var least = exchange.bodyReceived
        if case .fixedBody(let remaining) = reading { least += remaining }
        if !exchange.isFinished, least > exchange.bodyLimit { refuse(413) }
    }

    func limitBodyTime(_ timeout: Duration) {
        guard !isRequestRead else { return }
        clocks.bodyEnd = stream.now &+ UInt64(clamping: timeout.nanosecondsClamped)
        stream.setDeadline(server.deadlines.next(clocks, stream))
    }

    // MARK: A streamed body's back-pressure

    /// The handler lags behind: the socket is left unread.
    func pauseBody() {
        clocks.pauseBody()
        leaveUnread()
    }

    /// The handler wants more.
    func resumeBody() {
        if charged != 0 { recharge() }
        guard !isRequestRead, !isParked, !stream.isClosed else { return }
        clocks.startBody(stream.now)
        stream.setDeadline(server.deadlines.next(clocks, stream))
        stream.startReceiving()
    }
}
