import Glibc
import HTTPTypes
import Logging
import TwisterCodec
public import TwisterIO

/// Serves HTTP/1.1 on its loop: it accepts streams and asks its delegate for someone to answer each request. It knows
/// neither routes nor handlers.
///
/// Tornado: `httpserver.HTTPServer`.
public final class HTTPServer: TCPServer {
    /// The server's limits and deadlines.
    public let configuration: Configuration
    let delegate: any HTTPServerConnectionDelegate
    let parserLimits: ParserLimits
    /// The current `Date` value of this loop.
    let date = CachedDate()
    @exclusivity(unchecked) private var dateTurn: UInt64?
    @exclusivity(unchecked) private var dateSeconds: Int64 = 0
    let encoder: ResponseEncoder
    let deadlines: Deadlines
    /// How to read what proxies say of their clients; nil: not at all.
    let proxyRules: ProxyRules?
    /// Tornado: `HTTPServer._connections`.
    private(set) var connections: [ObjectIdentifier: HTTP1ServerConnection] = [:]
    /// How many connections there were.
    private var connectionsMade: UInt64 = 0
    /// What all connections may hold, those of other loops included.
    let budget: ByteBudget
    /// What each client has, on other loops too; nil: nothing is limited by client.
    let clients: ClientTable?
    /// Whether connections are left unread because the budget is used up, and for how many checks it has been.
    var isCheckingBudget = false
    var checksOverBudget = 0
    private var drainWaiters: [() -> Void] = []
    @exclusivity(unchecked) private(set) var isDraining = false

    // What each request asks for, outside of the configuration, whose copies cost.
    let maxBodySize: Int
    let pipelineBufferSize: Int
    let usesProxyProtocol: Bool
    private let allowsKeepAlive: Bool
    var keepsAlive: Bool { allowsKeepAlive && !isDraining }

    /// - Parameters:
    ///   - loop: the loop that serves.
    ///   - delegate: answers the requests; shared by the servers of several loops.
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
        self.budget = budget
        self.clients = clients
        self.configuration = configuration
        self.delegate = clients.map { ClientLimitingDelegate(delegate, $0) } ?? delegate
        parserLimits = ParserLimits(
            requestLine: configuration.maxRequestLineSize, headerBlock: configuration.maxHeaderSize,
            fieldCount: configuration.maxHeaderFields)
        maxBodySize = configuration.maxBodySize
        pipelineBufferSize = configuration.pipelineBufferSize
        usesProxyProtocol = configuration.proxyProtocol
        allowsKeepAlive = configuration.keepAlive
        deadlines = Deadlines(configuration)
        proxyRules = ProxyRules(configuration)
        encoder = Self.encoder(configuration.serverName)
        super.init(loop)
        self.delegate.willServe(on: loop)
    }

    /// Serves with a function instead of an application. Tornado: `HTTPServer(request_callback)`.
    public convenience init(
        _ loop: IOLoop, configuration: Configuration = Configuration(),
        callback: @escaping @Sendable (HTTPServerRequest) async throws -> Void
    ) {
        self.init(loop, delegate: CallableAdapter(callback), configuration: configuration)
    }

    private static func encoder(_ serverName: String?) -> ResponseEncoder {
        do throws(HTTPHeaderError) {
            return try ResponseEncoder(server: serverName)
        } catch {
            preconditionFailure("HTTPServer.Configuration.serverName: \(error)")
        }
    }

    /// Seconds since 1970, for `Date`; read once a turn of the loop, which began at `turn`.
    func unixSeconds(at turn: UInt64) -> Int64 {
        if turn != dateTurn {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME_COARSE, &time)
            dateTurn = turn
            dateSeconds = Int64(time.tv_sec)
        }
        return dateSeconds
    }

    /// Open connections.
    public var connectionCount: Int { connections.count }

    public override func handleStream(_ stream: IOStream) {
        connectionsMade += 1
        let connection = HTTP1ServerConnection(stream, self, number: connectionsMade)
        connections[ObjectIdentifier(connection)] = connection
        connection.startServing()
    }

    func connectionClosed(_ connection: HTTP1ServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if connection.isClientCounted { connection.releaseClient() }
        guard connections.isEmpty else { return }
        let waiters = drainWaiters
        drainWaiters = []
        for waiter in waiters { waiter() }
    }

    // MARK: The end

    /// Closes every connection at once; answers under way are cut. Tornado: `HTTPServer.close_all_connections`.
    public func closeAllConnections() {
        for connection in connections.values { connection.stream.close() }
    }

    /// Stops accepting, closes idle connections, lets requests under way finish (their connections close after the
    /// answer) and, at the deadline, closes what is left. On the server's loop.
    ///
    /// - Returns: how many connections ended by themselves and how many were cut.
    public func shutdown(deadline: Duration = .seconds(10)) async -> (finished: Int, forced: Int) {
        stop()
        isDraining = true
        let before = connections.count
        for connection in connections.values { connection.closeIfIdle() }
        guard !connections.isEmpty else { return (before, 0) }
        var forced = 0
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let timeout = loop.callLater(deadline) { [self] in
                forced = connections.count
                closeAllConnections()
            }
            drainWaiters.append { [loop] in
                loop.removeTimeout(timeout)
                continuation.resume()
            }
        }
        return (before - forced, forced)
    }
}

/// Lets a function answer requests. Tornado: `httpserver._CallableAdapter`.
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
            Log.application.error("Uncaught exception \(request.method.rawValue) \(request.uri): \(error)")
            request.connection.respondToFailure(500)
        }
    }
}
