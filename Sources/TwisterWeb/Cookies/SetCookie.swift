/// A cookie as a response sets it: one `Set-Cookie` field (RFC 6265bis, 4.1).
///
/// ```swift
/// var cookie = SetCookie(name: "__Host-session", value: token, secure: true, sameSite: .lax)
/// cookie.maxAge = .seconds(3600)
/// ```
///
/// Tornado: the arguments of `RequestHandler.set_cookie`.
public struct SetCookie: Sendable, Hashable {
    /// With which requests from other sites a browser sends the cookie.
    public enum SameSite: Sendable, Hashable, CaseIterable {
        /// The attribute is not sent, and the browser decides; most take it for `lax`. The case exists because `.none` would
        /// mean "no value" if the property were optional.
        case unspecified
        /// With top-level navigation by GET only.
        case lax
        /// With none.
        case strict
        /// With all. It needs `secure`.
        case none
    }

    /// The name, a token. Names that begin with `__Host-` or `__Secure-` make the browser check the other properties.
    public var name: String
    /// The value. It may have any character of Latin-1 but white space and control characters.
    public var value: String
    /// The domain that gets the cookie with all its subdomains; nil, the default, or empty: this host only.
    public var domain: String?
    /// The path below which the cookie is sent. The default is `/`; an empty one is not sent, and the browser takes that of
    /// the request.
    public var path: String
    /// When the cookie ends, in seconds since 1970 (UTC). By default nil: with the browser's session.
    public var expires: Int64?
    /// How long the cookie lasts, rounded up to seconds; zero or less deletes it. It takes precedence over `expires`. By
    /// default nil.
    public var maxAge: Duration?
    /// Scripts of the page cannot read the cookie. By default false.
    public var httpOnly: Bool
    /// The cookie is sent over HTTPS only. By default false.
    public var secure: Bool
    /// By default `.unspecified`.
    public var sameSite: SameSite
    /// A page of another site that embeds this one has a cookie of its own (CHIPS). It needs `secure`. By default false.
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
