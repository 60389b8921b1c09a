/// The limits on one client's use of a server. Nothing is limited by default.
///
///     configuration.clientLimits.maxConnections = 100
///     configuration.clientLimits.requestsPerSecond = 50
///
/// A client is an address or, by the prefix lengths, a network: all addresses in one /64 of IPv6 are one client. The
/// limits hold for all loops of a server group together, and for each process alone.
///
/// `trustedProxies` and peers on unix sockets are never counted; the clients that they name (`xheaders`,
/// `forwardedHeader`, `proxyProtocol`) are. So they have to name them: behind a proxy that is not trusted, all clients
/// share its address and its limits, and what a trusted one forwards without a name is not limited.
///
/// Over a limit a client costs no more than an ordinary response, and leaves at most a line a second in the log.
public struct ClientLimits: Sendable {
    /// Most open connections. Over it: closed (reset) as soon as they are accepted or, with `proxyProtocol`, as soon as
    /// their client is named; nothing is read and no response is sent, since there was no request. Default nil: no limit.
    public var maxConnections: Int?

    /// Requests a second, on average; greater than 0. Over it: 429 with `Retry-After` (RFC 6585, 4), on a connection that
    /// is kept where the request's body allows it. Default nil: no limit.
    public var requestsPerSecond: Double?
    /// Of `requestsPerSecond`, how many requests may come at once from a client that was silent before: a page with all
    /// that belongs to it. At least 1. Default 100.
    public var burst = 100

    /// Most requests under way, from their heads to the end of their handlers. Over it: 429 with `Retry-After`, and not
    /// 503, since it is the client that has too many and not the server. Of use behind proxies and for handlers that take
    /// long; each connection has one at a time anyhow. Default nil: no limit.
    public var maxConcurrentRequests: Int?

    /// How many bits of an IPv4 address make a client, 0 to 32. Default 32: each address is one.
    public var ipv4PrefixLength = 32
    /// How many bits of an IPv6 address make a client, 0 to 128. An IPv4 address in IPv6 (`::ffff:192.0.2.1`) is an IPv4
    /// address. Default 64: what one customer usually has.
    public var ipv6PrefixLength = 64

    public init() {}

    /// Whether there is a limit at all.
    var isAny: Bool { maxConnections != nil || requestsPerSecond != nil || maxConcurrentRequests != nil }

    /// Numbers that mean nothing are a mistake of the program, and stop it.
    func check() {
        precondition(requestsPerSecond.map { $0 > 0 } ?? true, "ClientLimits.requestsPerSecond: not greater than 0")
        precondition(burst >= 1, "ClientLimits.burst: less than 1")
        precondition((0...32).contains(ipv4PrefixLength), "ClientLimits.ipv4PrefixLength: not 0 to 32")
        precondition((0...128).contains(ipv6PrefixLength), "ClientLimits.ipv6PrefixLength: not 0 to 128")
    }
}
