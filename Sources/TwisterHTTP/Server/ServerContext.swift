import Glibc
package import TwisterCodec
package import TwisterIO

/// What the connections of one server share.
///
/// Numbers that each request needs are properties of their own, because copying the configuration costs too much.
package final class ServerContext {
    package let loop: IOLoop
    package let configuration: HTTPServerConfiguration
    let delegate: any HTTPServerConnectionDelegate
    package let connections: ConnectionTable
    /// Numbers for metrics.
    package let counts: ServerCounts
    let budget: BudgetKeeper
    /// The table of clients, which counts those of other loops, too; nil: there are no limits by client.
    let clients: ClientTable?
    /// The rules for fields of proxies; nil: such fields are ignored.
    let proxyRules: ProxyRules?
    /// Notes exchanges for observers; nil: no exchange is noted.
    let observation: Observation?
    package let parserLimits: ParserLimits
    package let bodyLimits: BodyLimits
    let pipelineBufferSize: Int
    let usesProxyProtocol: Bool
    let decompressesBodies: Bool
    package let deadlines: Deadlines
    let encoder: ResponseEncoder
    /// The current `Date` value of this loop.
    package let date = CachedDate()
    private let allowsKeepAlive: Bool
    private var dateTurn = UInt64.max
    private var dateSeconds: Int64 = 0
    /// Whether the server is shutting down. To check its accesses for exclusivity would cost 240 instructions a request.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    package internal(set) var isDraining = false
    package let loneHandlers = LoneHandlers()
    /// Called once, when no connection is open and no handler runs without one.
    private var waitsUntilEmpty: [() -> Void] = []

    init(
        _ loop: IOLoop, _ delegate: any HTTPServerConnectionDelegate, _ configuration: HTTPServerConfiguration,
        _ budget: ByteBudget, _ clients: ClientTable?
    ) {
        self.loop = loop
        self.configuration = configuration
        self.clients = clients
        counts = ServerCounts(loop: loop.counts)
        connections = ConnectionTable(counts)
        self.delegate = clients.map { [counts] in ClientLimitingDelegate(delegate, $0, counts) } ?? delegate
        self.budget = BudgetKeeper(budget, loop, connections)
        proxyRules = ProxyRules(configuration)
        observation = Observation(configuration)
        parserLimits = ParserLimits(
            requestLine: configuration.maxRequestLineSize, headerBlock: configuration.maxHeaderSize,
            fieldCount: configuration.maxHeaderFields)
        bodyLimits = BodyLimits(configuration)
        pipelineBufferSize = configuration.pipelineBufferSize
        usesProxyProtocol = configuration.proxyProtocol
        decompressesBodies = configuration.decompressRequest
        allowsKeepAlive = configuration.keepAlive
        deadlines = Deadlines(configuration)
        encoder = Self.encoder(configuration.serverName)
        connections.emptied = { [unowned self] in endIfEmpty() }
        loneHandlers.emptied = { [unowned self] in endIfEmpty() }
    }

    deinit { counts.end() }

    private static func encoder(_ serverName: String?) -> ResponseEncoder {
        do throws(HTTPHeaderError) {
            return try ResponseEncoder(server: serverName)
        } catch {
            preconditionFailure("HTTPServer.Configuration.serverName: \(error)")
        }
    }

    /// Whether no connection is open and no handler runs without one.
    var isEmpty: Bool { connections.isEmpty && loneHandlers.isEmpty }

    func whenEmpty(_ callback: @escaping () -> Void) { waitsUntilEmpty.append(callback) }

    private func endIfEmpty() {
        guard isEmpty, !waitsUntilEmpty.isEmpty else { return }
        let callbacks = waitsUntilEmpty
        waitsUntilEmpty = []
        for callback in callbacks { callback() }
    }

    package var keepsAlive: Bool { allowsKeepAlive && !isDraining }

    /// Seconds since 1970, for `Date`; read once a turn of the loop.
    package var unixSeconds: Int64 {
        let turn = loop.turnTime
        if turn != dateTurn {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME_COARSE, &time)
            dateTurn = turn
            dateSeconds = Int64(time.tv_sec)
        }
        return dateSeconds
    }
}
