/// A cookie as a response sets it: one `Set-Cookie` field (RFC 6265bis, 4.1).
///
/// ```swift
/// var cookie = SetCookie(name: "__Host-session", value: token, secure: true, sameSite: .lax)
/// cookie.maxAge = .seconds(3600)
/// ```
///
/// Tornado: the arguments of `RequestHandler.set_cookie`.
public struct SetCookie: Sendable, Hashable {
    /// The requests from other sites with which a browser sends the cookie.
    public enum SameSite: Sendable, Hashable, CaseIterable {
        /// The attribute is not sent, and the browser decides; most browsers then use `lax`. This is a case of its own, because
        /// in an optional property `.none` would mean "no value".
        case unspecified
        /// The cookie is sent when the user follows a link or enters an address (top-level navigation by GET).
        case lax
        /// The cookie is sent with no request from another site.
        case strict
        /// The cookie is sent with every request. This needs `secure`.
        case none
    }

    /// The name, a token. Names that begin with `__Host-` or `__Secure-` make the browser check the other properties.
    public var name: String
    /// The value. It may have any character of Latin-1 but white space and control characters.
    public var value: String
    /// The domain that gets the cookie with all its subdomains; nil, the default, or empty: this host only.
    public var domain: String?
    /// The path below which the cookie is sent. Default `/`. An empty path is not sent, and the browser uses the path of the
    /// request.
    public var path: String
    /// When the cookie expires, in seconds since 1970 (UTC). Default nil: at the end of the browser's session.
    public var expires: Int64?
    /// How long the cookie lasts, rounded up to seconds; zero or less deletes it. Takes precedence over `expires`. Default nil.
    public var maxAge: Duration?
    /// Whether scripts of the page cannot read the cookie. Default false.
    public var httpOnly: Bool
    /// Whether the cookie is sent over https only. Default false.
    public var secure: Bool
    /// The requests from other sites with which the cookie is sent. Default `.unspecified`.
    public var sameSite: SameSite
    /// Whether the cookie is kept apart for each site that embeds this one in a page (CHIPS). This needs `secure`.
    /// Default false.
    public var partitioned: Bool

    public init(
        name: String, value: String, domain: String? = nil, path: String = "/", expires: Int64? = nil,
        maxAge: Duration? = nil, httpOnly: Bool = false, secure: Bool = false, sameSite: SameSite = .unspecified,
        partitioned: Bool = false
    ) {
        self.name = name
        self.value = value
        self.domain = domain
        self.path = path
        self.expires = expires
        self.maxAge = maxAge
        self.httpOnly = httpOnly
        self.secure = secure
        self.sameSite = sameSite
        self.partitioned = partitioned
    }

    /// The cookie that deletes this one: empty, ended in 1970, with `Max-Age=0`, and with all other attributes, because a
    /// browser ignores a `__Host-`, partitioned or secure cookie that lacks them.
    ///
    /// Tornado: `RequestHandler.clear_cookie`.
    public var deletion: SetCookie {
        var cookie = self
        cookie.value = ""
        cookie.expires = 0
        cookie.maxAge = .zero
        return cookie
    }
}
