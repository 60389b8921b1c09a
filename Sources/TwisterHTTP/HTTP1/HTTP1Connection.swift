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
        /// All of it was read.
        case complete
        /// The rest of the request is not read.
        case abandoned
    }

    /// How far the application is.
    enum Run {
        /// The application does not run: the head or a collected body is not complete.
        case waiting
        /// The application is in the loop's queue.
        case scheduled
        /// The application runs on that worker of the loop.
        case executing(worker: Int)
        /// The application has returned, and the exchange is being ended.
        case ending
        /// The same, and the connection's next request has become ready meanwhile.
        case endingAndReady
    }

    /// How the response's body is framed.
    enum Writing {
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
    // This object serves one exchange after another; `renew` replaces the state that begins anew. Release builds do not check
    // the accesses to some properties for exclusivity, which would cost 360 instructions a request. Debug builds check all
    // accesses.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var delegate: (any HTTPMessageDelegate)?
    /// The connection and its stream; nil once the connection has closed, or has gone on to another exchange. Unretained,
    /// because to retain them at each use would cost 200 instructions a request. They outlive their use here: a connection
    /// detaches its exchange before it is released.
    private var unretainedOwner: Unmanaged<HTTP1ServerConnection>?
    var unretainedStream: Unmanaged<IOStream>?
    /// The client's address, as the connection has it; nil on a unix socket.
    var client: IPAddress?
    /// Whether a filter stands on the stream, which may be TLS.
    private(set) var isFiltered = false
    private(set) var run = Run.waiting
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var parser: RequestParser
    var reading = Reading.head
    var writing = Writing.head
    /// Whether another request may follow on the connection.
    var keepsAlive = true
    /// When the first byte of the request came. Nil where the whole head came in one piece.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var firstByteAt: UInt64?
    /// The clocks of the request. Nil for a request that has come in one piece.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var clocks: RequestClocks?
    /// The state of a body; nil for a request that has none.
    var body: IncomingBody?
    /// The next exchange in `HTTP1Service`'s list of unused exchanges.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    fileprivate var nextIdle: HTTP1Connection?

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
    func attach(_ owner: HTTP1ServerConnection, _ stream: IOStream, client: IPAddress?, isFiltered: Bool) {
        unretainedOwner = Unmanaged.passUnretained(owner)
        self.client = client
        self.isFiltered = isFiltered
        unretainedStream = Unmanaged.passUnretained(stream)
        exchange.transport = self
    }

    /// Calls `body` with the stream, without a reference of its own; nil where there is no stream any more.
    @inline(__always)
    func withStream<Result>(_ body: (IOStream) -> Result) -> Result? {
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
        switch run {
        case .scheduled: run = .waiting
        // A handler that has responded already is not waited for at a shutdown.
        case .executing where !exchange.isFinished: context.loneHandlers.insert(self)
        case .executing, .waiting, .ending, .endingAndReady: break
        }
    }

    var owner: HTTP1ServerConnection? { unretainedOwner?.takeUnretainedValue() }

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
        if exchange.record != nil { exchange.record = nil }
        return true
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
        if let record = exchange.record { endRecord(record) }
        delegate.take()?.exchangeEnded()
    }
}

// MARK: - Shutdown

extension HTTP1Connection: LoneHandler {
    /// Tells the handler that the server shuts down, once it runs.
    @inline(never)
    func tellShutdown() {
        switch run {
        case .executing:
            if exchange.noteShutdown() { delegate?.onShutdown() }
        case .waiting where delegate == nil, .ending, .endingAndReady: break
        case .waiting, .scheduled:
            context.loop.callLater(Self.noticeInterval) { [weak self] in self?.tellShutdown() }
        }
    }

    /// How often to check whether a handler, which has to be told of the shutdown, runs by now.
    private static let noticeInterval = Duration.milliseconds(5)

    var requestUnderWay: ShutdownResult.Cut? { exchange.underWay(delegate?.label ?? .unknown) }

    func cancel() {
        guard case .executing(let worker) = run else { return }
        exchange.noteCancellation()
        context.loop.cancelWorker(worker)
    }
}

// MARK: - Running

extension HTTP1Connection: LoopWork {
    /// Has the loop run the application.
    func schedule(_ context: ServerContext) {
        // The loop asks `didRun` whether there is more to run, and runs it at once.
        if case .ending = run {
            run = .endingAndReady
        } else {
            run = .scheduled
            context.loop.schedule(self)
        }
    }

    /// Has the delegate respond to the refusal of its request, or otherwise the server. Returns whether a delegate runs, or
    /// will run.
    func respondToRefusal(_ refusal: RequestRefusal) -> Bool {
        let isRunning = if case .executing = run { true } else { false }
        if let responder = exchange.responder(to: refusal, of: delegate, isRunning: isRunning) {
            switch run {
            case .executing: break
            case .scheduled, .endingAndReady: delegate = responder
            case .waiting, .ending:
                delegate = responder
                schedule(context)
            }
            return true
        }
        exchange.refuse(refusal)
        switch run {
        case .scheduled, .executing: return true
        case .waiting, .ending, .endingAndReady: return false
        }
    }

    func willRun(on worker: Int) -> (any LoopJob)? {
        guard case .scheduled = run else { return nil }
        run = .executing(worker: worker)
        if let record = exchange.record { record.times.handler = context.loop.now }
        if unretainedStream?._withUnsafeGuaranteedRef({ $0.hasPeerLeft }) == true { owner?.tellHandlerOfEndLater() }
        return delegate
    }

    func didRun() -> Bool {
        run = .ending
        if unretainedOwner != nil { exchange.conclude(through: self) } else { concludeAlone() }
        if let record = exchange.record { endRecord(record) }
        delegate.take()?.exchangeEnded()
        unretainedOwner?._withUnsafeGuaranteedRef { $0.exchangeEnded(self) }
        guard case .endingAndReady = run else {
            run = .waiting
            return false
        }
        run = .scheduled
        return true
    }

    /// The application has returned, and its connection has gone on or closed before.
    @inline(never)
    private func concludeAlone() {
        exchange.concludeDetached()
        context.loneHandlers.remove(self)
    }

    /// A complete response to a request that was read frees the connection, while the application goes on.
    func releaseIfComplete() {
        guard case .executing = run, case .complete = writing, isRequestRead, unretainedOwner != nil else { return }
        // Most applications return right after that. The next turn finds out whether this one goes on.
        service.releaseLater(self)
    }

    /// Frees the connection where the application still goes on.
    fileprivate func release() {
        guard case .executing = run, case .complete = writing, isRequestRead else { return }
        owner?.exchangeReleased(self)
    }
}

/// The HTTP/1 side of a server: what its connections share, and the exchanges that are not in use.
final class HTTP1Service {
    let context: ServerContext
    /// Takes the connections over that begin with the preface of another version of HTTP; nil: they are refused.
    let other: (any ConnectionService)?
    /// A list of the exchanges that are not in use, through `nextIdle`.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var idle: HTTP1Connection?
    private var idleCount = 0
    /// Exchanges whose responses are complete, but whose applications had not returned at that moment.
    private var releasable: ContiguousArray<HTTP1Connection> = []

    /// How many unused exchanges are kept: as many as one batch of events usually needs at once.
    private static let keptExchanges = 64

    init(_ context: ServerContext, _ other: (any ConnectionService)?) {
        self.context = context
        self.other = other
    }

    /// Frees the exchange's connection in the next turn, if the application still goes on then.
    func releaseLater(_ exchange: HTTP1Connection) {
        releasable.append(exchange)
        guard releasable.count == 1 else { return }
        context.loop.addLocalCallback { [self] in
            let exchanges = releasable
            releasable.removeAll(keepingCapacity: exchanges.count < 1024)
            for exchange in exchanges { exchange.release() }
        }
    }

    /// The approximate size of an exchange's objects, in bytes.
    static let exchangeSize = 8192

    /// Whether there is an unused exchange.
    var hasExchange: Bool { idle != nil }

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
