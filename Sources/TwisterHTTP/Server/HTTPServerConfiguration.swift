public import TwisterCodec
package import TwisterIO

/// Every limit and deadline of a server, each with a safe default. Also known as `HTTPServer.Configuration`.
public struct HTTPServerConfiguration: Sendable {
    /// Longest request line, in bytes. Over it: 414. Default 8 KiB.
    public var maxRequestLineSize = 8192
    /// Longest head (request line and fields), in bytes. Over it: 431. Default 64 KiB. Tornado: `max_header_size`.
    public var maxHeaderSize = 65_536
    /// Most header fields. Over it: 431. Default 100.
    public var maxHeaderFields = 100
    /// Longest collected body, in bytes. Over it: 413. Default 100 MiB. Tornado: `max_body_size`.
    public var maxBodySize = 104_857_600

    /// Whether bodies in gzip or deflate reach their handlers inflated, their `Content-Encoding` moved to
    /// `X-Consumed-Content-Encoding`. Body limits hold before and after; another coding: 415. Default false.
    /// Tornado: `decompress_request`.
    public var decompressRequest = false
    /// Most bytes that one byte of a compressed body may yield, above 64 KiB; 0: no limit. Over it: 413. Default 100.
    public var maxInflateRatio = 100

    /// From a request's first byte to the end of its head. Over it: 408. Default 10 s.
    public var headerTimeout: Duration = .seconds(10)
    /// Without a byte of the body. Over it: 408. Default 30 s. Tornado: `body_timeout` (for the whole body).
    public var bodyStallTimeout: Duration = .seconds(30)
    /// Least rate of a body, in bytes a second, once `bodyStallTimeout` has passed. Below it: 408. Default 240.
    public var minBodyRate = 240
    /// Without a request on an open connection. Over it: close. Default 75 s. Tornado: `idle_connection_timeout`.
    public var idleTimeout: Duration = .seconds(75)
    /// Without a byte of the response taken by the client, while some of it waits. Over it (up to a quarter
    /// more, since clients are looked at four times in it): close. Default 30 s.
    public var writeStallTimeout: Duration = .seconds(30)
    /// Least rate at which a client takes a response that waits for it, in bytes a second, over each stretch of
    /// `writeStallTimeout` in which some waits; 0: none. What its kernel acknowledges is taken. A client that keeps up
    /// (takes all that waits within a quarter of that time) is not measured, nor is one on a unix socket, however slowly
    /// its handler writes. Below it: close. Default 240.
    public var minWriteRate = 240

    /// Whether a connection serves more than one request. Default true. Tornado: `no_keep_alive`.
    public var keepAlive = true
    /// Bytes of a streamed body that wait for their handler before the socket is left unread. Default 64 KiB.
    /// Tornado: `chunk_size`.
    public var bodyBufferSize = 65_536
    /// Bytes of pipelined requests that wait for their turn before the socket is left unread. Default 64 KiB.
    public var pipelineBufferSize = 65_536
    /// Bytes of responses that wait for the client before handlers do, and before the next pipelined request is begun.
    /// Default 64 KiB.
    public var outputHighWatermark = 65_536

    /// The proxies whose statements about the client are believed. A peer on a unix socket is always one: the
    /// socket's permissions say who may connect. Default: the loopback addresses. Tornado: `trusted_downstream`.
    public var trustedProxies: [IPNetwork] = IPNetwork.loopback
    /// Whether `X-Real-Ip` or `X-Forwarded-For`, and `X-Scheme` or `X-Forwarded-Proto`, of a trusted proxy give a
    /// request's `remoteIP` and `protocol`. The proxy has to set or remove all four. Default false.
    /// Tornado: `xheaders`.
    public var xheaders = false
    /// Whether `Forwarded` (RFC 7239) of a trusted proxy does. Only for proxies that set it: others pass on what the
    /// client wrote. Default false.
    public var forwardedHeader = false
    /// Whether connections from trusted proxies begin with a header of the PROXY protocol, version 1 or 2, and are
    /// closed where they don't; other connections have none. It has to come within `headerTimeout`. Default false.
    public var proxyProtocol = false

    /// Bytes that all connections of all loops may hold together: collected bodies, streamed ones that wait for their
    /// handlers, unread requests, responses that wait for their clients. Over it, no more bodies are read; where that
    /// does not help within 200 ms, the newest connections that hold some are given up with 503. Default 1 GiB.
    public var maxBufferedBytes = 1 << 30

    /// What one client may take: connections, requests a second, requests at once. Default: no limits, since behind a
    /// proxy that is not told of (`trustedProxies`) all clients look like one.
    public var clientLimits = ClientLimits()

    /// Are told of each exchange: access logs, metrics. Default: none, which costs a request nothing.
    public var observers: [any ExchangeObserver] = []

    /// Whether each request has an identifier: that of its field `X-Request-Id`, or a new one. The response has it in the
    /// same field, and the lines that are logged for the request name it. Default false.
    public var requestIDs = false

    /// The value of the `Server` field; nil: none is sent.
    public var serverName: String? = "Twister"

    /// The versions of HTTP that are spoken on connections with TLS, the best first, by their ALPN names. `http/1.0` is for clients
    /// that are told to speak it and offer nothing else (`curl --http1.0`).
    package var applicationProtocols: [String] { (otherProtocol == nil ? [] : ["h2"]) + ["http/1.1", "http/1.0"] }

    /// Makes the filter that stands between each accepted socket and its connection; nil: none.
    package var makeStreamFilter: (@Sendable () -> any StreamFilter)?

    /// How long the handshake of that filter may take. Default 10 s.
    package var handshakeTimeout = Duration.seconds(10)

    /// Another version of HTTP, for connections that begin with its preface; nil: they are refused.
    package var otherProtocol: (any ConnectionOption)?

    public init() {}
}

/// A version of HTTP that another target adds to a server: a `ConnectionProtocol`, which knows the server, as its configuration
/// does not.
package protocol ConnectionOption: Sendable {}

extension HTTPServerConfiguration {
    /// Whether what `peer` says of its clients is believed; nil: a unix socket.
    func trusts(_ peer: IPAddress?) -> Bool {
        guard let peer else { return true }
        return trustedProxies.contains { $0.contains(peer) }
    }
}
