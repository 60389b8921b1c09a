import Glibc
import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// One exchange without a connection: its request was given as a value, and the parts of its response go to a feed as
/// values. Belongs to the loop.
///
/// The server keeps a request's head as octets with an index (`RequestHead`), which only `RequestParser` makes. So this
/// exchange has the parser make it from the value, and the same rules refuse a head at every depth.
final class ValueExchange {
    private enum Run {
        /// The handler does not run: the body is not complete.
        case waiting
        /// The handler is in the loop's queue.
        case scheduled
        case executing(worker: Int)
        case ended
    }

    /// The settings that the exchanges of one test share.
    struct Rules {
        let loop: IOLoop
        let delegate: any HTTPServerConnectionDelegate
        let parserLimits: ParserLimits
        let bodyLimits: BodyLimits
        let serverName: String?

        init(
            _ loop: IOLoop, _ delegate: any HTTPServerConnectionDelegate, _ configuration: HTTPServerConfiguration
        ) {
            self.loop = loop
            self.delegate = delegate
            parserLimits = ParserLimits(
                requestLine: configuration.maxRequestLineSize, headerBlock: configuration.maxHeaderSize,
                fieldCount: configuration.maxHeaderFields)
            bodyLimits = BodyLimits(configuration)
            serverName = configuration.serverName
        }
    }

    private let rules: Rules
    /// Called when the exchange is over.
    private let ended: () -> Void
    private let exchange: HTTPConnection
    private let request: PreparedRequest
    private let feed: ResponseFeed
    private var delegate: (any HTTPMessageDelegate)?
    private var run = Run.waiting
    private var pieces: ArraySlice<[UInt8]>
    private var isBodyEnded = false

    init(_ rules: Rules, _ request: PreparedRequest, _ feed: ResponseFeed, ended: @escaping () -> Void) {
        self.rules = rules
        self.ended = ended
        self.request = request
        self.feed = feed
        exchange = HTTPConnection(rules.loop)
        pieces = Self.pieces(of: request.body)[...]
    }

    deinit { exchange.detach() }

    /// How many bytes of a body are delivered at once, as a connection does.
    private static let pieceSize = 16_384

    private static func pieces(of body: PreparedRequest.RequestContent) -> [[UInt8]] {
        switch body {
        case .none: []
        case .whole(let bytes):
            stride(from: 0, to: bytes.count, by: pieceSize).map { Array(bytes[$0..<min($0 + pieceSize, bytes.count)]) }
        case .pieces(let pieces): pieces.filter { !$0.isEmpty }
        }
    }

    // MARK: The request

    func start() {
        exchange.attach(self)
        var parser = RequestParser(limits: rules.parserLimits)
        switch request.headOctets.withUnsafeBytes({ parser.parse($0, into: exchange.requestHead) }) {
        case .complete: begin()
        case .invalid(let error): refuse(RequestRefusal(error.status, error.reason))
        case .needMore: refuse(RequestRefusal(400, "the head is not complete"))
        }
    }

    private func begin() {
        exchange.begin(at: rules.loop.now, from: .loopback)
        let delegate = rules.delegate.startRequest(HTTPServerRequest(exchange))
        exchange.expect(delegate.headersReceived(), rules.bodyLimits)
        self.delegate = delegate
        if case .whole(let bytes) = request.body, bytes.count > exchange.bodyLimit {
            return refuse(RequestRefusal(413))
        }
        if exchange.isBodyStreamed { schedule() }
        deliver()
    }

    /// Gives the exchange as much of the body as its reader takes.
    private func deliver() {
        do throws(RequestRefusal) {
            while !exchange.isBodyPaused, let piece = pieces.popFirst() {
                let received: Result<Void, RequestRefusal> = piece.withUnsafeBytes { bytes in
                    Result { () throws(RequestRefusal) in try exchange.receiveBody(bytes) }
                }
                try received.get()
            }
            guard pieces.isEmpty, !isBodyEnded else { return }
            isBodyEnded = true
            try exchange.endBody()
        } catch {
            return refuse(error)
        }
        if case .waiting = run { schedule() }
    }

    private func schedule() {
        run = .scheduled
        rules.loop.schedule(self)
    }

    /// Refuses the request, before its handler runs or while its body is delivered.
    private func refuse(_ refusal: RequestRefusal) {
        pieces = []
        isBodyEnded = true
        let isRunning = if case .executing = run { true } else { false }
        guard let responder = exchange.responder(to: refusal, of: delegate, isRunning: isRunning) else {
            exchange.refuse(refusal)
            if case .waiting = run { endWithoutRun() }
            return
        }
        if !isRunning { delegate = responder }
        if case .waiting = run { schedule() }
    }

    // MARK: Ends

    /// Disconnects the client.
    func disconnect() {
        guard exchange.clientDisconnected() else { return }
        delegate?.onConnectionClose()
        switch run {
        case .executing(let worker): if delegate?.cancelsOnDisconnect == true { rules.loop.cancelWorker(worker) }
        case .waiting, .scheduled: endWithoutRun()
        case .ended: break
        }
    }

    /// Ends the exchange, because the test is over.
    func cut() {
        let running = run
        disconnect()
        if case .executing(let worker) = running { rules.loop.cancelWorker(worker) }
        feed.put(.failed(.ended))
    }

    private func endWithoutRun() {
        run = .ended
        exchange.concludeDetached()
        leave()
    }

    private func leave() {
        delegate.take()?.exchangeEnded()
        exchange.detach()
        ended()
    }
}

extension ValueExchange: LoopWork {
    func willRun(on worker: Int) -> (any LoopJob)? {
        guard case .scheduled = run else { return nil }
        run = .executing(worker: worker)
        return delegate
    }

    func didRun() -> Bool {
        run = .ended
        exchange.conclude(through: self)
        leave()
        return false
    }
}

extension ValueExchange: ExchangeTransport {
    var isHTTP10: Bool { false }
    var responseTime: Int64 { Int64(time(nil)) }

    func sendInformational(_ head: ResponseHead) {
        feed.put(.informational(.init(status: status(of: head), fields: fields(of: head))))
    }

    func sendHead(_ head: ResponseHead, _ length: BodyLength, _ body: inout ResponseBody) {
        var fields = fields(of: head)
        switch length {
        case .none, .unknown: break
        case .omitted(let length), .known(let length): fields[.contentLength] = String(length)
        }
        if fields[.date] == nil { fields[.date] = HTTPDate.string(responseTime) }
        if fields[.server] == nil, let name = rules.serverName { fields[.server] = name }
        feed.put(.head(.init(status: status(of: head), fields: fields)))
    }

    private func status(of head: ResponseHead) -> HTTPResponse.Status {
        HTTPResponse.Status(
            code: head.status, reasonPhrase: head.reason ?? "\(ReasonPhrase.of(head.status))")
    }

    private func fields(of head: ResponseHead) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in head.fields {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return fields
    }

    func sendBody(_ body: inout ResponseBody) {
        body.take(whole: { feed.put(.body($0)) }, octets: { feed.put(.body(Array($0))) })
    }

    func sendFile(_ file: OpenFile, _ range: Range<Int>) -> Bool {
        var position = range.lowerBound
        while position < range.upperBound {
            let size = min(65_536, range.upperBound - position)
            let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                count = buffer.baseAddress.map { file.read(into: $0, size, at: position) } ?? 0
            }
            feed.put(.body(bytes))
            guard bytes.count == size else { return false }
            position += size
        }
        return true
    }

    func sendEnd(_ trailers: ResponseTrailers?) {
        var fields = HTTPFields()
        for (name, value) in trailers?.fields ?? [] {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        feed.put(.end(trailers: fields))
    }

    func abort() { feed.put(.failed(.connectionClosed("the server cut it"))) }

    var isBackedUp: Bool { feed.isBackedUp }

    func drained() async throws {
        do {
            try await feed.waitForRoom()
        } catch let error as StreamClosedError {
            // The feed resumes its waiters before it tells the loop that the client has disconnected.
            disconnect()
            throw error
        }
    }

    func bodyLimitChanged() {
        var least = exchange.receivedBodyBytes
        if case .whole = request.body { least += pieces.reduce(0) { $0 + $1.count } }
        if !exchange.isFinished, least > exchange.bodyLimit { refuse(RequestRefusal(413)) }
    }

    /// Does nothing: the body of a value is complete from the beginning.
    func limitBodyTime(_ timeout: Duration) {}

    // MARK: BodySource

    func pauseBody() {}
    func bodyAwaited() {}

    func resumeBody() {
        // Delivered in the next turn, because the reader is taking a piece at the moment.
        rules.loop.addLocalCallback { [weak self] in self?.deliver() }
    }
}
