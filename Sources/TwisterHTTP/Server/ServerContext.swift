import Glibc
import TwisterCodec
import TwisterIO

/// What the connections of one server share.
///
/// The numbers that each request asks for stand by themselves, outside of the configuration, whose copies cost.
final class ServerContext {
    let loop: IOLoop
    let configuration: HTTPServerConfiguration
    let delegate: any HTTPServerConnectionDelegate
    let connections = ConnectionTable()
    let budget: BudgetKeeper
    /// What each client has, on other loops too; nil: nothing is limited by client.
    let clients: ClientTable?
    /// How to read what proxies say of their clients; nil: not at all.
    let proxyRules: ProxyRules?
    let parserLimits: ParserLimits
    let bodyLimits: BodyLimits
    let pipelineBufferSize: Int
    let usesProxyProtocol: Bool
    let decompressesBodies: Bool
    let deadlines: Deadlines
    let encoder: ResponseEncoder
    /// The current `Date` value of this loop.
    let date = CachedDate()
    private let allowsKeepAlive: Bool
    private var dateTurn = UInt64.max
    private var dateSeconds: Int64 = 0
    /// Whether the server is shutting down.
    var isDraining = false

    init(
        _ loop: IOLoop, _ delegate: any HTTPServerConnectionDelegate, _ configuration: HTTPServerConfiguration,
        _ budget: ByteBudget, _ clients: ClientTable?
    ) {
        self.loop = loop
        self.configuration = configuration
        self.clients = clients
        self.delegate = clients.map { ClientLimitingDelegate(delegate, $0) } ?? delegate
        self.budget = BudgetKeeper(budget, loop, connections)
        proxyRules = ProxyRules(configuration)
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
    }

    private static func encoder(_ serverName: String?) -> ResponseEncoder {
        do throws(HTTPHeaderError) {
            return try ResponseEncoder(server: serverName)
        } catch {
            preconditionFailure("HTTPServer.Configuration.serverName: \(error)")
        }
    }

    var keepsAlive: Bool { allowsKeepAlive && !isDraining }

    /// Seconds since 1970, for `Date`; read once a turn of the loop.
    var unixSeconds: Int64 {
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
