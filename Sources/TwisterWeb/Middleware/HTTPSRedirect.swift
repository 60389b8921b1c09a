import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Redirects requests that come over plain http to the same URL with https, and has everything else go on.
///
///     Application(routes, middleware: [HTTPSRedirect(), SecurityHeaders()])
///
/// GET and HEAD are redirected with 301, other methods with 308, so that they are repeated with their bodies. Behind a proxy that
/// ends TLS, `HTTPServerConfiguration.xheaders` or `forwardedHeader` has to say so, or each request seems to come over http.
/// `SecurityHeaders` adds `Strict-Transport-Security`, after which browsers do not even try http.
public struct HTTPSRedirect: Middleware {
    private let host: String?
    private let port: UInt16

    /// - Parameters:
    ///   - host: the host of the URL; nil: the one that the request asks for, without its port.
    ///   - port: the port of the URL. Default 443, which is left out.
    public init(host: String? = nil, port: UInt16 = 443) {
        self.host = host
        self.port = port
    }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        let request = handler.request
        // The target of OPTIONS may be `*`.
        guard request.protocol != "https", request.path.utf8.first == UInt8(ascii: "/") else { return try await next() }
        let isRead = request.method == .get || request.method == .head
        let query = request.query.isEmpty ? "" : "?\(request.query)"
        let place = (host ?? request.hostName) + (port == 443 ? "" : ":\(port)")
        // The client's own URL may hold characters that a Location may not.
        let url = PercentCoding.encodeReference("https://\(place)\(request.path)\(query)")
        try handler.redirect(url, status: isRead ? .movedPermanently : .permanentRedirect)
    }
}
