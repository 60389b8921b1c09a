import HTTPTypes
import TwisterCodec
import TwisterCrypto
import TwisterHTTP
import TwisterIO

/// Limits how many requests a client may send: over the limit 429 with `Retry-After` (RFC 6585, 4), without the handler.
///
///     RouteGroup("/login", middleware: [RateLimit(5, per: .seconds(60))]) { … }
///
/// The limit is a token bucket: `burst` requests may come at once, and the tokens that they take come back evenly, `count` of
/// them in each period. The limit holds for all loops of this process together, and each `RateLimit` value has buckets of its
/// own. Memory is bounded: at most `capacity` clients are known; of clients that share a place in the table, the one that has
/// used the least of its limit is forgotten.
///
/// Responses say what is left (`RateLimit` and `RateLimit-Policy`, draft-ietf-httpapi-ratelimit-headers).
///
/// A refused request still costs a response. `HTTPServerConfiguration.clientLimits` has limits for a whole server, and for
/// connections as well.
public struct RateLimit: Middleware {
    /// Which requests count together.
    public enum Key: Sendable {
        /// Requests of one address, or of one network of IPv6 (/64, which one customer usually has). Behind a proxy that the
        /// server does not trust, all clients share the proxy's address. Over a unix socket, clients whose address no proxy
        /// reports share one bucket.
        case client
        /// Requests of one `currentUser` or, where there is none, of one client. The middleware that finds out the user has to
        /// come before this one.
        case user
        /// Requests for which the closure returns the same text. Where it returns nil, the request is not limited.
        case custom(@Sendable (RequestHandler) -> String?)
    }

    /// Clients as the buckets know them. Texts may come from requests, and so long ones are replaced by their hash.
    private enum Client: Hashable, Sendable {
        case address(ClientPrefix?)
        case text(String)

        static func named(_ text: String) -> Client {
            guard text.utf8.count > 64 else { return .text(text) }
            return .text(String(decoding: Hexadecimal.encode(Digest.sha256.hash(Array(text.utf8))), as: UTF8.self))
        }
    }

    private typealias Shard = ConditionLock<RequestRates<Client>>

    private let key: Key
    private let name: String
    private let policy: String
    /// The buckets, in several tables with a lock each, so that loops seldom wait for each other. A client's hash decides on
    /// the table.
    private let shards: [Shard]

    /// - Parameters:
    ///   - count: how many requests a client may send in each period, on average; at least 1.
    ///   - period: the length of a period; greater than zero.
    ///   - key: which requests count together. Default: those of one client.
    ///   - burst: how many may come at once. Default: `count`.
    ///   - name: the limit's name in `RateLimit-Policy`, for applications that have several. Default `default`.
    ///   - capacity: the most clients that are known at once, at about 40 bytes each. Default 100,000.
    public init(
        _ count: Int, per period: Duration, by key: Key = .client, burst: Int? = nil, name: String = "default",
        capacity: Int = 100_000
    ) {
        precondition(count >= 1, "RateLimit: the count is less than 1")
        precondition(period > .zero, "RateLimit: the period is not greater than zero")
        precondition(burst ?? 1 >= 1, "RateLimit: the burst is less than 1")
        precondition(
            !name.isEmpty && name.unicodeScalars.allSatisfy { $0.isASCII && ($0.properties.isAlphabetic || $0 == "-") },
            "RateLimit: the name has a character that is neither a letter nor a hyphen")
        self.key = key
        self.name = name
        let seconds = period / .seconds(1)
        policy = "\"\(name)\";q=\(count);w=\(Int(clamping: Int64(min(seconds.rounded(.up), 1e15))))"
        let rate = RequestRate(perSecond: Double(count) / seconds, burst: burst ?? count)
        let shardCount = capacity < 1_024 ? 1 : 16
        shards = (0..<shardCount).map { _ in
            Shard(RequestRates(rate, capacity: (capacity + shardCount - 1) / shardCount))
        }
    }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        guard let client = client(handler) else { return try await next() }
        let now = handler.loop.now
        let (wait, balance) = shard(of: client).withLock { rates in
            let wait = rates.take(client, at: now)
            return (wait, rates.balance(of: client, at: now))
        }
        // At the last moment, because an error that comes later drops other fields; added, because there may be several limits.
        handler.beforeHead { handler in
            let seconds = Self.seconds(balance.fullAfter)
            try handler.connection.head.add("RateLimit-Policy", policy)
            try handler.connection.head.add("RateLimit", "\"\(name)\";r=\(balance.tokens);t=\(seconds)")
        }
        guard wait == 0 else {
            throw HTTPError(
                .tooManyRequests, "the rate limit \(name) is exceeded",
                headers: [.retryAfter: String(Self.seconds(wait))])
        }
        try await next()
    }

    private func client(_ handler: RequestHandler) -> Client? {
        switch key {
        case .client: return Self.client(of: handler.request)
        case .user: return handler.currentUser.map(Client.named) ?? Self.client(of: handler.request)
        case .custom(let key): return key(handler).map(Client.named)
        }
    }

    private static func client(of request: HTTPServerRequest) -> Client {
        .address(request.clientAddress.map { ClientPrefix($0, ClientLimits()) })
    }

    private func shard(of client: Client) -> Shard {
        // The buckets use the hash's lowest bits.
        shards[Int(UInt(bitPattern: client.hashValue) >> (UInt.bitWidth - 16)) % shards.count]
    }

    /// Whole seconds, rounded up, so that a client that waits for that long is admitted.
    private static func seconds(_ nanoseconds: UInt64) -> UInt64 {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return seconds + (rest > 0 ? 1 : 0)
    }
}
