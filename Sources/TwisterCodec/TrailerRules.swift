/// Which fields may follow a body (RFC 9110 6.5.1).
enum TrailerRules {
    /// What decides over framing, routing, access, caching or how to read the content has to be known before the
    /// content: a field that turns up behind it could contradict what was already decided.
    private static let refused: Set<String> = [
        "transfer-encoding", "content-length", "trailer", "te", "upgrade", "connection", "keep-alive",
        "proxy-connection", "http2-settings", "host", "forwarded", "via", "x-real-ip", "x-scheme", "x-forwarded-for",
        "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
        "authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate", "authentication-info",
        "proxy-authentication-info", "cookie", "set-cookie", "origin",
        "expect", "max-forwards", "pragma", "cache-control", "range", "if-match", "if-none-match",
        "if-modified-since", "if-unmodified-since", "if-range",
        "age", "date", "expires", "location", "retry-after", "vary", "warning",
        "content-encoding", "content-type", "content-range", "content-location", "content-language",
        "content-disposition",
    ]

    static func isAllowed(_ lowercasedName: String) -> Bool {
        !refused.contains(lowercasedName)
    }
}
