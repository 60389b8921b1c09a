import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Gives each page one URL where a route's pattern allows two, with and without a slash at the end.
///
///     RouteGroup(middleware: [TrailingSlash.added]) { URLSpec(.get, "/docs/?") { … } }
///
/// GET and HEAD of the other URL are redirected (301), with their query; other methods get 404.
///
/// Tornado: the decorators `addslash` and `removeslash`.
public enum TrailingSlash: Middleware {
    /// A path without a slash at its end is redirected to the one with it. Tornado: `addslash`.
    case added
    /// A path with slashes at its end is redirected to the one without them, except for `/`. Tornado: `removeslash`.
    case removed

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        guard let path = canonicalPath(handler.request.path) else { return try await next() }
        guard handler.request.method == .get || handler.request.method == .head else { throw HTTPError(.notFound) }
        let query = handler.request.query
        // The client's own URL may hold characters that a Location may not.
        let url = PercentCoding.encodeReference(path + (query.isEmpty ? "" : "?" + query))
        try handler.redirect(url, status: .movedPermanently)
    }

    /// The path to redirect to; nil where the path is right as it is.
    private func canonicalPath(_ path: String) -> String? {
        let hasSlash = path.utf8.last == UInt8(ascii: "/")
        switch self {
        case .added: return hasSlash ? nil : localReference(path + "/")
        case .removed:
            guard hasSlash else { return nil }
            var octets = path.utf8[...]
            while octets.last == UInt8(ascii: "/") { octets.removeLast() }
            // Nothing is left of `/`.
            return octets.isEmpty ? nil : localReference(String(Substring(octets)))
        }
    }
}

/// The path with one slash at its start: two of them would name a host (RFC 3986, 4.2), and browsers take a backslash for a
/// slash. Octets are compared, because a slash and a combining character behind it are one `Character`, which is not equal to a
/// slash.
func localReference(_ path: String) -> String {
    guard path.utf8.first == UInt8(ascii: "/") else { return path }
    return "/" + Substring(path.utf8.drop { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") })
}
