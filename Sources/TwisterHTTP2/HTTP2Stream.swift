import CTwisterNghttp2
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// One stream of an HTTP/2 connection (RFC 9113, 5): carries one exchange, and has it run by the loop.
///
/// A stream is in use until nghttp2 has closed it and the application has returned, in whatever order; then it serves
/// another request.
final class HTTP2Stream {
    /// How far the request is read.
    enum Reading: UInt8 {
        case body
        /// All of it was read.
        case complete
        /// The rest of the body is dropped.
        case abandoned
        /// The request is a WebSocket's, whose bytes go through the tunnel.
        case tunnel
    }

    /// How far the application is.
    enum Run {
        /// The application does not run: a collected body is not complete.
        case waiting
        /// The application is in the loop's queue.
        case scheduled
        /// The application runs on that worker of the loop.
        case executing(worker: Int)
        /// The application has returned, and the exchange is being ended.
        case ending
        case over
    }

    /// Whether a request that has come can be read.
    enum Verdict {
        case readable
        case refused(RequestRefusal)
        /// The stream is reset (RFC 9113, 8.1.1).
        case malformed
    }

    /// How far the response is sent.
    enum Sending: UInt8 {
        /// Nothing, or informational responses only.
        case nothing
        /// The head, which has no body, and the end with it.
        case head
        /// The head, which has no body. The end follows when the handler has finished, because the handler may still be told of
        /// its client until then.
        case headFirst
        /// The head; a body follows.
        case body
        /// All of it was given to the connection's output.
        case complete
    }

    let context: ServerContext
    let exchange: HTTPConnection
    private var delegate: (any HTTPMessageDelegate)?
    /// Nil while the stream is not in use.
    private(set) var connection: HTTP2ServerConnection?
    /// Whether nghttp2 knows the stream.
    private(set) var isOpen = false
    private(set) var id: Int32 = 0
    /// The index in the connection's list of open streams.
    var index = 0
    private(set) var run = Run.over
    var reading = Reading.complete
    var sending = Sending.nothing
    // Body, output and flow are unchecked for the same reason as the state of `HTTP2ServerConnection`.

    /// The request's body while it comes; nil: there is none.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var body: IncomingBody?
    /// The WebSocket that the request asks for; nil: it is another request.
    private(set) var tunnel: HTTP2Tunnel?
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var output = PendingOutput()
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var flow = OutputFlow()
    /// The size of the request's head, in octets.
    var headSize = 0
    /// The stream's send window before the client's latest change of SETTINGS_INITIAL_WINDOW_SIZE.
    var windowBefore = 0
    /// The priority that the client's last PRIORITY_UPDATE names; nil: none has come since the request.
    var priorityUpdate: Priority?
    /// Whether the client was charged for an error by which it loses the stream.
    var isErrorCounted = false
    /// Whether the connection takes no more requests once the response is sent.
    var endsConnection = false

    init(_ context: ServerContext) {
        self.context = context
        exchange = HTTPConnection(context.loop)
    }

    deinit { exchange.detach() }

    /// Whether a part of the request is missing that nobody will read. That is so once the response is sent, or being ended.
    var hasUnwantedBody: Bool {
        switch (reading, run) {
        case (.complete, _): false
        // A WebSocket's client gets time to end its side, unless it can send nothing any more.
        case (.tunnel, _): tunnel?.isEnding != true || connection?.stream.isPeerEnded == true
        // A handler may read its body after it has finished its response.
        case (.body, .scheduled), (.body, .executing): false
        case (.body, _), (.abandoned, _): true
        }
    }

    /// Whether the stream has deadlines to check. A WebSocket checks its own.
    var isWatched: Bool { tunnel?.isOpen != true }

    // MARK: The beginning

    /// Begins with a request whose head was read, or that is refused.
    func begin(
        on connection: HTTP2ServerConnection, _ id: Int32, _ firstByte: UInt64, _ sequel: RequestHead.Sequel,
        _ verdict: Verdict
    ) {
        self.connection = connection
        self.id = id
        isOpen = true
        run = .waiting
        switch sequel {
        case .nothing: reading = .complete
        case .body: reading = .body
        case .webSocket:
            reading = .tunnel
            tunnel = HTTP2Tunnel(self, context)
        }
        exchange.attach(self)
        connection.beginPriority(self)
        if case .refused(let refusal) = verdict { return refuse(refusal) }
        if sequel == .body { expectBody() }
        let made = context.begin(
            exchange, from: connection.share.client, security: connection.stream.security, firstByte: firstByte,
            accepted: connection.clocks.accepted.take(), hasBody: sequel == .body)
        delegate = made.delegate
        if let refusal = made.refusal { return refuse(refusal) }
        if case .draining = connection.phase { tellShutdown() }
        guard sequel == .body else { return endRequestBody(nil) }
        startBody()
    }

    /// The request is refused: its delegate responds, or the server itself with an error page; no more of its body is read.
    func refuse(_ refusal: RequestRefusal) {
        context.noteRefusal(
            refusal.status, of: exchange, from: connection?.share.client, firstByte: context.loop.turnTime)
        abandonBody()
        let isRunning = if case .executing = run { true } else { false }
        let responder = exchange.responder(to: refusal, of: delegate, isRunning: isRunning)
        switch run {
        // A delegate that runs ends the exchange itself.
        case .executing, .ending, .over: if responder == nil { exchange.refuse(refusal) }
        case .waiting, .scheduled:
            if let responder { return run(responder) }
            // The stream may close while the response is sent.
            run = .ending
            exchange.refuse(refusal)
            endWithoutRun()
        }
        stopUnwantedBody()
    }

    /// Has the loop run the delegate in place of the one that was about to.
    private func run(_ responder: any HTTPMessageDelegate) {
        delegate = responder
        if case .waiting = run { schedule() }
    }

    // MARK: The end

    /// nghttp2 has closed the stream, or the connection has closed.
    func closed() {
        guard isOpen else { return }
        isOpen = false
        if sending == .complete { tellTaken() } else { clientDisconnected() }
        output.removeAll()
        flow.fail()
        body = nil
        tunnel.take()?.closed()
        exchange.failBody(.clientDisconnected)
        exchange.detach()
        switch run {
        case .waiting, .scheduled: endWithoutRun()
        // A shutdown does not wait for a handler that has responded already.
        case .executing: if sending != .complete { context.loneHandlers.insert(self) }
        case .ending: break
        case .over: leave()
        }
    }

    /// The response is complete. The exchange has ended once the kernel has taken its last byte.
    func tellTaken() {
        guard let connection, let record = exchange.takeRecord() else { return }
        connection.stream.whenOutputTaken { [context] reason in
            let lost = reason.map { _ in connection.outcomeOfClose }
            context.end(record, record.outcome ?? lost ?? .responded)
        }
    }

    /// The client has reset the stream, or disconnected. The application is told; where it runs, it is cancelled unless it
    /// opted out.
    private func clientDisconnected() {
        guard exchange.clientDisconnected() else { return }
        delegate?.onConnectionClose()
        if case .executing(let worker) = run, delegate?.cancelsOnDisconnect == true {
            context.loop.cancelWorker(worker)
        }
    }

    /// Whether a handler runs that has the whole request, and has not finished its response.
    var isHandled: Bool {
        if case .executing = run, reading == .complete { return !exchange.isFinished }
        return false
    }

    /// The client sends nothing more on the connection. A client whose request only waits counts as left, and one that still
    /// has a part of its response to take does not, as over HTTP/1.1.
    func clientEnded() {
        if let tunnel, tunnel.isAccepted {
            tunnel.ended()
            if sending == .complete { connection?.cut(id, NGHTTP2_NO_ERROR) }
            return
        }
        if sending == .complete, hasUnwantedBody { return stopUnwantedBody() }
        switch run {
        case .waiting: break
        case .scheduled where reading == .body, .executing where reading == .body: break
        case .executing where !exchange.isFinished && waitingBytes == 0: break
        case .scheduled, .executing, .ending, .over: return
        }
        if sending != .complete { exchange.noteOutcome(.clientDisconnected) }
        clientDisconnected()
        connection?.cut(id, NGHTTP2_CANCEL)
    }

    /// Ends an exchange that does not run: its delegate hears of it.
    private func endWithoutRun() {
        run = .ending
        if !exchange.isFinished { exchange.abort() }
        exchange.concludeDetached()
        endDelegate()
    }

    /// The application has returned.
    private func endDelegate() {
        delegate.take()?.exchangeEnded()
        run = .over
        if !isOpen { leave() }
    }

    /// Neither nghttp2 nor the application has anything to do with the stream any more.
    private func leave() {
        guard let left = connection.take() else { return }
        left.headReleased(headSize)
        if let record = exchange.takeRecord() {
            let outcome = exchange.isClientDisconnected ? ExchangeRecord.Outcome.clientDisconnected : .cut
            context.end(record, record.outcome ?? outcome)
        }
        if renew() { left.resources.streams.keep(self) }
    }

    /// Makes ready for another request. Returns false where somebody holds the exchange, which then cannot be used again.
    private func renew() -> Bool {
        guard HTTPConnection.isReusable(Unmanaged.passUnretained(exchange)) else { return false }
        exchange.renew()
        endsConnection = false
        priorityUpdate = nil
        isErrorCounted = false
        sending = .nothing
        output.ending = .open
        flow = OutputFlow()
        return true
    }
}

// MARK: - Running

extension HTTP2Stream: LoopWork {
    func schedule() {
        run = .scheduled
        context.loop.schedule(self)
    }

    func willRun(on worker: Int) -> (any LoopJob)? {
        guard case .scheduled = run else { return nil }
        run = .executing(worker: worker)
        exchange.noteRun()
        if let connection, connection.stream.hasPeerLeft { connection.tellOfEndLater() }
        return delegate
    }

    func didRun() -> Bool {
        run = .ending
        if isOpen {
            exchange.conclude(through: self)
            // A client that sends its whole body before it reads the response is not held up.
            abandonBody()
            stopUnwantedBody()
        } else {
            exchange.concludeDetached()
            context.loneHandlers.remove(self)
        }
        endDelegate()
        return false
    }
}

// MARK: - Shutdown

extension HTTP2Stream: LoneHandler {
    /// How often to check whether a handler, which has to be told of the shutdown, runs by now.
    private static let noticeInterval = Duration.milliseconds(5)

    /// Tells the handler that the server shuts down, once it runs.
    func tellShutdown() {
        if let socket = tunnel?.socket { return socket.drain() }
        switch run {
        case .executing: if exchange.noteShutdown() { delegate?.onShutdown() }
        case .waiting where delegate == nil, .ending, .over: break
        case .waiting, .scheduled:
            context.loop.callLater(Self.noticeInterval) { [weak self] in self?.tellShutdown() }
        }
    }

    /// A WebSocket is no request.
    var requestUnderWay: ShutdownResult.Cut? {
        tunnel?.isAccepted == true ? nil : exchange.underWay(delegate?.label ?? .unknown)
    }

    func cancel() {
        if let socket = tunnel?.socket { return socket.cancel() }
        guard case .executing(let worker) = run else { return }
        exchange.noteCancellation()
        context.loop.cancelWorker(worker)
    }
}
