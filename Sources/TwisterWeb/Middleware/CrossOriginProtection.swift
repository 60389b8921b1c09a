import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Refuses requests that pages of other origins have a browser send, with the user's cookies (cross-site request forgery).
///
///     let protection = try CrossOriginProtection(trustedOrigins: ["https://app.example.com"])
///     let application = try Application(routes, middleware: [protection])
///
/// All methods but GET, HEAD and OPTIONS are checked, in the way of Tornado 6.6: browsers say with `Sec-Fetch-Site` whether the
/// page belongs to the same origin; older ones, and those without https, send `Origin`, which has to name the request's own
/// host. Requests with neither come from programs that have no cookies of a user's. Everything else gets 403, unless its origin
/// is trusted.
///
/// It needs no token in forms, in contrast to the setting `xsrfCookies`, and may be used together with it. Handlers of GET must
/// not change anything.
///
/// Tornado: the settings `cross_origin_protection` and `trusted_origins`, `RequestHandler.check_trusted_origin`.
public struct CrossOriginProtection: Middleware {
    private let isTrusted: @Sendable (RequestHandler, String) -> Bool

    /// - Parameter trustedOrigins: the other origins that may send requests: `https://example.com`, or
    ///   `https://*.example.com` for all subdomains. Default: none.
    /// - Throws: `OriginError.malformed`.
    public init(trustedOrigins: [String] = []) throws(OriginError) {
        let origins = try OriginList(trustedOrigins)
        isTrusted = { _, origin in origins.contains(origin) }
    }

    /// - Parameter isTrusted: whether a request may come from another origin; called with the value of `Origin`, in any spelling,
    ///   where there is one. Credentials that it looks at have to be verified, and not only be there.
    public init(isTrusted: @escaping @Sendable (_ handler: RequestHandler, _ origin: String) -> Bool) {
        self.isTrusted = isTrusted
    }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        let request = handler.request
        switch request.method {
        case .get, .head, .options: break
        default: try check(handler)
        }
        try await next()
    }

    private func check(_ handler: RequestHandler) throws {
        let request = handler.request
        let origin = request.headers[.origin]
        switch request.headers["Sec-Fetch-Site"] {
        case "same-origin", "none": return
        case nil:
            // Neither field: no browser.
            guard let origin else { return }
            if Self.authority(of: origin) == request.host.lowercased() || isTrusted(handler, origin) { return }
            throw HTTPError(.forbidden, "the origin \(origin) is not allowed")
        case let site?:
            if let origin, isTrusted(handler, origin) { return }
            throw HTTPError(
                .forbidden, "requests of the site \(site) with the origin \(origin ?? "none") are not allowed")
        }
    }

    /// Host and port of an origin as they were sent, in lower case. The scheme is not compared: behind a proxy, the application
    /// may not know its own.
    private static func authority(of origin: String) -> String? {
        guard WebOrigin(origin) != nil, let start = origin.firstRange(of: "://") else { return nil }
        return origin[start.upperBound...].lowercased()
    }
}
