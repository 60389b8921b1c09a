/// The rules under which the requests of a route are served. A rule that is nil is decided by the group of routes around the
/// route, then by the handler's class, then by the application or the server.
///
///     override class var policy: Policy { .init(authenticated: true, maxBodySize: .mebibytes(10)) }
public struct Policy: Sendable, Hashable {
    /// Whether only users who have logged in are served (`RequestHandler.currentUser`). Without a user, GET and HEAD are
    /// redirected to the login URL, and other methods get 403. Tornado: the decorator `authenticated`.
    public var authenticated: Bool?
    /// The longest body of a request; a longer one gets 413.
    public var maxBodySize: ByteCount?
    /// How long a handler may take to respond. Over it, the handler's task is cancelled, and the client gets 503.
    public var deadline: Duration?
    /// How many requests all loops of this process serve at once; further ones get 503 with `Retry-After`.
    public var concurrency: Int?
    /// Whether responses are compressed, where the application compresses any. False for pages that show secrets together
    /// with text that a client has sent (the BREACH attack reads secrets from the length of compressed pages).
    public var compression: Bool?
    /// The `Cache-Control` of responses of status 200 whose handlers set none.
    public var cacheControl: String?
    /// Whether the XSRF token is checked, where the application checks it (`ApplicationSettings.xsrfCookies`). False for routes
    /// that other programs call, with credentials that no browser adds by itself.
    public var xsrf: Bool?
    /// The media types of bodies that are taken, such as `application/json`, `image/*` or `application/*+json`; a body of
    /// another type gets 415 (RFC 9110, 15.5.16). Nil: all that the handler understands.
    public var consumes: [String]?
    /// The media types of responses, such as `application/json`; a client whose `Accept` accepts none of them gets 406
    /// (RFC 9110, 15.5.7), before the handler has done anything. Nil: `Accept` is ignored. See
    /// `RequestHandler.preferredMediaType`.
    public var produces: [String]?

    public init(
        authenticated: Bool? = nil, maxBodySize: ByteCount? = nil, deadline: Duration? = nil, concurrency: Int? = nil,
        compression: Bool? = nil, cacheControl: String? = nil, xsrf: Bool? = nil, consumes: [String]? = nil,
        produces: [String]? = nil
    ) {
        self.authenticated = authenticated
        self.maxBodySize = maxBodySize
        self.deadline = deadline
        self.concurrency = concurrency
        self.compression = compression
        self.cacheControl = cacheControl
        self.xsrf = xsrf
        self.consumes = consumes
        self.produces = produces
    }

    /// This policy, with `outer` deciding what this one leaves open.
    func filled(from outer: Policy) -> Policy {
        Policy(
            authenticated: authenticated ?? outer.authenticated, maxBodySize: maxBodySize ?? outer.maxBodySize,
            deadline: deadline ?? outer.deadline, concurrency: concurrency ?? outer.concurrency,
            compression: compression ?? outer.compression, cacheControl: cacheControl ?? outer.cacheControl,
            xsrf: xsrf ?? outer.xsrf, consumes: consumes ?? outer.consumes, produces: produces ?? outer.produces)
    }
}

extension Policy: CustomStringConvertible {
    /// The decisions of the policy, as a list of routes shows them.
    public var description: String {
        var rules: [String] = []
        if authenticated == true { rules.append("authenticated") }
        if let maxBodySize { rules.append("body \(maxBodySize)") }
        if let deadline { rules.append("deadline \(deadline)") }
        if let concurrency { rules.append("at most \(concurrency) at once") }
        if let compression { rules.append(compression ? "compressed" : "not compressed") }
        if let cacheControl { rules.append(cacheControl) }
        if xsrf == false { rules.append("no XSRF check") }
        if let consumes { rules.append("takes \(consumes.joined(separator: ", "))") }
        if let produces { rules.append("makes \(produces.joined(separator: ", "))") }
        return rules.joined(separator: ", ")
    }
}
