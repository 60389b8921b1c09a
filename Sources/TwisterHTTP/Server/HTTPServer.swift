import HTTPTypes
package import TwisterCodec
public import TwisterIO

/// Serves HTTP on its loop: it accepts streams and asks its delegate for a message delegate for each request. It knows
/// neither routes nor handlers.
///
/// Tornado: `httpserver.HTTPServer`.
public final class HTTPServer: TCPServer {
    /// The limits and deadlines of a server.
    public typealias Configuration = HTTPServerConfiguration

    let context: ServerContext
    private let http1: HTTP1Service

    /// The server's limits and deadlines.
    public var configuration: Configuration { context.configuration }

    /// - Parameters:
    ///   - loop: the loop that serves.
    ///   - delegate: responds to the requests; shared by the servers of several loops.
    ///   - configuration: limits and deadlines.
    public convenience init(
        _ loop: IOLoop, delegate: any HTTPServerConnectionDelegate, configuration: Configuration = Configuration()
    ) {
        let budget = ByteBudget(limit: configuration.maxBufferedBytes)
        let clients = ClientTable(configuration)
        self.init(loop, delegate: delegate, configuration: configuration, budget: budget, clients: clients)
    }

    /// A server that shares its budget of bytes and its table of clients with the servers of other loops.
    init(
        _ loop: IOLoop, delegate: any HTTPServerConnectionDelegate, configuration: Configuration, budget: ByteBudget,
        clients: ClientTable?
    ) {
        context = ServerContext(loop, delegate, configuration, budget, clients)
        let other = configuration.otherProtocol as? any ConnectionProtocol
        http1 = HTTP1Service(context, other?.makeService(for: context))
        super.init(loop)
        securedUsage = SecuredUsage(configuration)
        if configuration.proxyProtocol {
            wrapFilter = { [configuration] filter, stream in
                let peer = stream.peerAddress?.withIPOctets { IPAddress(octets: $0) } ?? nil
                return configuration.trusts(peer) ? ProxyHeaderFilter(filter) : filter
            }
        }
        context.delegate.willServe(on: loop)
        context.observation?.serverStarted(context.counts, on: loop)
    }

    /// Serves with a function instead of an application. Tornado: `HTTPServer(request_callback)`.
    public convenience init(
        _ loop: IOLoop, configuration: Configuration = Configuration(),
        callback: @escaping @Sendable (HTTPServerRequest) async throws -> Void
    ) {
        self.init(loop, delegate: CallableAdapter(callback), configuration: configuration)
    }

    /// The number of open connections.
    public var connectionCount: Int { context.connections.count }

    public override func handleStream(_ stream: IOStream) { serve(stream, from: nil) }

    /// Serves a connection. On the loop's thread.
    ///
    /// - Parameter address: the client's address, where the stream's socket does not say it; nil: the socket's peer.
    package func serve(_ stream: IOStream, from address: IPAddress?) {
        loop.preconditionOnLoop()
        if stream.loop !== loop {
            fatalError("HTTPServer.handleStream: the stream is another loop's; serve it with a server of that loop")
        }
        if let makeFilter = configuration.makeStreamFilter, stream.filter == nil {
            stream.addFilter(makeFilter(), handshakeTimeout: configuration.handshakeTimeout)
        }
        HTTP1ServerConnection(stream, http1).startServing(from: address)
    }

    // MARK: The end

    /// Closes every connection at once; responses under way are cut. Tornado: `HTTPServer.close_all_connections`.
    public func closeAllConnections() {
        loop.preconditionOnLoop()
        for connection in context.connections.all { connection.close() }
    }

    /// The number of requests that are being read or responded to, or whose handlers go on although their clients have
    /// disconnected.
    package var requestsUnderWay: Int {
        loop.preconditionOnLoop()
        return context.connections.all.reduce(0) { $0 + $1.requestsUnderWay.count } + context.loneHandlers.count
    }

    /// Closes every connection at once and cancels every handler, whatever the loop's clock says.
    package func cutAll() {
        for connection in context.connections.all { connection.cancel() }
        closeAllConnections()
        for handler in context.loneHandlers.all { handler.cancel() }
    }

    /// How long a handler that was cancelled at the deadline gets to return.
    private static let cancellationTime = Duration.milliseconds(100)

    /// Drains the server. On the server's loop.
    ///
    /// The server stops accepting, and every response says `Connection: close` from now on. Handlers are told
    /// (`HTTPMessageDelegate.onShutdown`). Idle connections stay open for `grace`: a client may have sent a request before it
    /// can know of the shutdown, and still gets its response. At the deadline the tasks of the remaining handlers are
    /// cancelled, and whatever has not ended 100 ms later is cut.
    ///
    /// - Parameters:
    ///   - deadline: how long requests under way get to finish. Default 10 s.
    ///   - grace: how long idle connections stay open; at most `deadline`. Default 250 ms.
    ///   - sharesSockets: whether other processes accept from the same listening sockets and serve the clients that wait there.
    ///     Default false.
    /// - Returns: what ended by itself, and what was cut.
    public func shutdown(
        deadline: Duration = .seconds(10), grace: Duration = .milliseconds(250), sharesSockets: Bool = false
    ) async -> ShutdownResult {
        loop.preconditionOnLoop()
        let connections = context.connections
        context.isDraining = true
        let end = loop.now &+ UInt64(clamping: deadline.nanosecondsClamped)
        for connection in connections.all { connection.drain() }
        for handler in context.loneHandlers.all { handler.tellShutdown() }
        await stopAccepting(sharesSockets: sharesSockets)
        var result = ShutdownResult()
        let before = connections.count + context.loneHandlers.count
        if !connections.isEmpty { await waitUntilEmpty(min(grace, deadline)) }
        for connection in connections.all { connection.closeIfIdle() }
        await waitUntilEmpty(.nanoseconds(Int64(clamping: end &- min(loop.now, end))))
        if !context.isEmpty {
            result.cut += connections.all.flatMap(\.requestsUnderWay)
            result.cut += context.loneHandlers.all.compactMap(\.requestUnderWay)
            for connection in connections.all { connection.cancel() }
            for handler in context.loneHandlers.all { handler.cancel() }
            await waitUntilEmpty(Self.cancellationTime)
            result.forced = connections.count + context.loneHandlers.count
            closeAllConnections()
            await letHandlersEnd()
        }
        result.finished = max(before - result.forced, 0)
        return result
    }

    /// Turns of the loop in which handlers whose connections were cut learn of that, and call their last functions (`onClose` of
    /// a WebSocket). The loop may end right after the shutdown.
    private static let lastTurns = 6

    private func letHandlersEnd() async {
        for _ in 0..<Self.lastTurns {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                loop.addCallback { continuation.resume() }
            }
        }
    }

    /// Waits until no connection is open and no handler runs, or `timeout` has passed.
    private func waitUntilEmpty(_ timeout: Duration) async {
        if context.isEmpty { return }
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            var waiting: UnsafeContinuation<Void, Never>? = continuation
            let timer = loop.callLater(timeout) { waiting.take()?.resume() }
            context.whenEmpty { [loop] in
                loop.removeTimeout(timer)
                waiting.take()?.resume()
            }
        }
    }
}

/// Lets a function respond to requests. Tornado: `httpserver._CallableAdapter`.
private final class CallableAdapter: HTTPServerConnectionDelegate {
    private let callback: @Sendable (HTTPServerRequest) async throws -> Void

    init(_ callback: @escaping @Sendable (HTTPServerRequest) async throws -> Void) { self.callback = callback }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
        Message(request, callback)
    }

    private final class Message: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        private let callback: @Sendable (HTTPServerRequest) async throws -> Void

        init(_ request: HTTPServerRequest, _ callback: @escaping @Sendable (HTTPServerRequest) async throws -> Void) {
            self.request = request
            self.callback = callback
        }

        func execute() async throws { try await callback(request) }

        func executionFailed(_ error: any Error) async {
            // A client that disconnects is no error.
            if request.connection.isClientDisconnected { return request.connection.abort() }
            if request.connection.isEndOfShutdown(error) { return request.connection.respondToFailure(503) }
            request.connection.logMistake("uncaught exception: \(error)")
            request.connection.respondToFailure(500)
        }
    }
}
