import HTTPTypes
import Logging
import TwisterCodec
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

    /// A server that shares its budget of bytes, and what it knows of its clients, with those of other loops.
    init(
        _ loop: IOLoop, delegate: any HTTPServerConnectionDelegate, configuration: Configuration, budget: ByteBudget,
        clients: ClientTable?
    ) {
        context = ServerContext(loop, delegate, configuration, budget, clients)
        http1 = HTTP1Service(context)
        super.init(loop)
        context.delegate.willServe(on: loop)
    }

    /// Serves with a function instead of an application. Tornado: `HTTPServer(request_callback)`.
    public convenience init(
        _ loop: IOLoop, configuration: Configuration = Configuration(),
        callback: @escaping @Sendable (HTTPServerRequest) async throws -> Void
    ) {
        self.init(loop, delegate: CallableAdapter(callback), configuration: configuration)
    }

    /// Open connections.
    public var connectionCount: Int { context.connections.count }

    public override func handleStream(_ stream: IOStream) {
        loop.preconditionOnLoop()
        if stream.loop !== loop {
            fatalError("HTTPServer.handleStream: the stream is another loop's; serve it with a server of that loop")
        }
        if let makeFilter = configuration.makeStreamFilter {
            stream.addFilter(makeFilter(), handshakeTimeout: configuration.handshakeTimeout)
        }
        HTTP1ServerConnection(stream, http1).startServing()
    }

    // MARK: The end

    /// Closes every connection at once; responses under way are cut. Tornado: `HTTPServer.close_all_connections`.
    public func closeAllConnections() {
        loop.preconditionOnLoop()
        for connection in context.connections.all { connection.close() }
    }

    /// Stops accepting, closes idle connections, lets requests under way finish (their connections close after the
    /// response) and, at the deadline, closes the connections that are left. On the server's loop.
    ///
    /// - Returns: how many connections ended by themselves and how many were cut.
    public func shutdown(deadline: Duration = .seconds(10)) async -> (finished: Int, forced: Int) {
        loop.preconditionOnLoop()
        stop()
        let connections = context.connections
        context.isDraining = true
        let before = connections.count
        for connection in connections.all { connection.drain() }
        guard !connections.isEmpty else { return (before, 0) }
        var forced = 0
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let timeout = loop.callLater(deadline) { [self] in
                forced = connections.count
                closeAllConnections()
            }
            connections.whenEmpty { [loop] in
                loop.removeTimeout(timeout)
                continuation.resume()
            }
        }
        return (before - forced, forced)
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
            Log.application.error("Uncaught exception \(request.method.rawValue) \(request.head.asciiTarget): \(error)")
            request.connection.respondToFailure(500)
        }
    }
}
