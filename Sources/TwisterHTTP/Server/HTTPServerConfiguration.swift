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

    /// The longest time from a request's first byte to the end of its head. Over it: 408. Default 10 s.
    public var headerTimeout: Duration = .seconds(10)
    /// The longest time without a byte of the body. Over it: 408. Default 30 s. Tornado: `body_timeout` (for the whole body).
    public var bodyStallTimeout: Duration = .seconds(30)
    /// Least rate of a body, and of a message of a WebSocket, in bytes a second. A client that falls behind it for
    /// `bodyStallTimeout`, however fast it was before, gets 408, on a WebSocket the close code 1008. Default 240.
    public var minBodyRate = 240
    /// The longest time without a request on an open connection. Over it: the connection is closed. Default 75 s.
    /// Tornado: `idle_connection_timeout`.
    public var idleTimeout: Duration = .seconds(75)
    /// The longest time in which the client takes no byte of a response that waits for it. Over it, the connection is closed;
    /// as clients are checked four times within the timeout, up to a quarter later. Default 30 s.
    public var writeStallTimeout: Duration = .seconds(30)
    /// The least rate at which a client takes a response that waits for it, in bytes a second, measured over stretches of
    /// `writeStallTimeout`; 0: none. Bytes count once the client's kernel has acknowledged them. A client that takes all that
    /// waits within a quarter of that time is not measured, however slowly its handler writes, and neither is a client on a
    /// unix socket. Below the rate: the connection is closed. Default 240.
    public var minWriteRate = 240

    /// Whether a connection serves more than one request. Default true. Tornado: `no_keep_alive`.
    public var keepAlive = true
    /// How many bytes of a streamed body may wait for their handler before the socket is left unread. Default 64 KiB.
    /// Tornado: `chunk_size`.
    public var bodyBufferSize = 65_536
    /// How many bytes of pipelined requests may wait for their turn before the socket is left unread. Default 64 KiB.
    public var pipelineBufferSize = 65_536
    /// How many bytes of a response may wait for the client. Over it, handlers wait in `flush`, and the next pipelined request
    /// is not begun. Default 64 KiB.
    public var outputHighWatermark = 65_536

    /// The proxies whose statements about the client are trusted. A peer on a unix socket is always trusted: the socket's
    /// permissions say who may connect. Default: the loopback addresses. Tornado: `trusted_downstream`.
    public var trustedProxies: [IPNetwork] = IPNetwork.loopback
    /// Whether `X-Real-Ip` or `X-Forwarded-For`, and `X-Scheme` or `X-Forwarded-Proto`, of a trusted proxy give a
    /// request's `remoteIP` and `protocol`. The proxy has to set or remove all four. Default false.
    /// Tornado: `xheaders`.
    public var xheaders = false
    /// Whether the field `Forwarded` (RFC 7239) of a trusted proxy gives a request's `remoteIP` and `protocol`. Only for
    /// proxies that set the field: others pass on what the client wrote. Default false.
    public var forwardedHeader = false
    /// Whether connections from trusted proxies begin with a header of the PROXY protocol, version 1 or 2. A connection from a
    /// trusted proxy without the header, or with one that is not complete within `headerTimeout`, is closed. Connections from
    /// other peers have no such header. Default false.
    public var proxyProtocol = false

    /// How many bytes all connections of all loops may hold together: collected bodies, streamed ones that wait for their
    /// handlers, unread requests, responses that wait for their clients. Over it, no more bodies are read, and
    /// clients that stand still are given up until an eighth of it is free, with 503 where no response has begun. Where that
    /// does not help within 200 ms, the slowest of the other clients are given up, one after the other. Default 1 GiB.
    public var maxBufferedBytes = 1 << 30

    /// The limits for a single client: connections, requests a second, requests at once. Default: no limits, because all
    /// clients behind a proxy that is not named in `trustedProxies` look like one client.
    public var clientLimits = ClientLimits()

    /// The observers that are told of each exchange: access logs, metrics. Default: none, which costs a request nothing.
    public var observers: [any ExchangeObserver] = []

    /// Whether each request has an identifier: that of its field `X-Request-Id`, or a new one. The response has it in the
    /// same field, and the lines that are logged for the request name it. Default false.
    public var requestIDs = false

    /// The value of the `Server` field; nil: none is sent. Default "Twister".
    public var serverName: String? = "Twister"

    /// The versions of HTTP that are offered on connections with TLS, by their ALPN names, the preferred one first. `http/1.0`
    /// is for clients that are told to use it and offer nothing else (`curl --http1.0`).
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
