public import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Responds to every request with one status: `URLSpec("/old/.*", ErrorHandler.self, .gone)`.
///
/// Tornado: `web.ErrorHandler`.
public final class ErrorHandler: RequestHandlerWith<HTTPResponse.Status> {
    // The response depends on the request's head alone.
    public override class var requestBody: RequestBodyMode { .streamed }
    public override class var policy: Policy { Policy(xsrf: false) }
    public override func prepare() async throws { throw HTTPError(state) }
    // Such requests are ordinary traffic and no error of the application.
    public override func logException(_ error: any Error) {}
}

/// Where a `RedirectHandler` sends its clients.
public struct Redirection: Sendable {
    let url: String
    let isPermanent: Bool

    /// - Parameters:
    ///   - url: the destination; `{0}` stands for the first group of the pattern, `{name}` for a named one.
    ///   - permanent: whether clients may remember the redirection (301), or not (302). Default true.
    public init(_ url: String, permanent: Bool = true) {
        self.url = url
        isPermanent = permanent
    }
}

/// Redirects to another URL: `URLSpec("/photos/(.*)", RedirectHandler.self, .init("/pictures/{0}"))`.
///
/// Tornado: `web.RedirectHandler`.
public final class RedirectHandler: RequestHandlerWith<Redirection> {
    public override class var requestBody: RequestBodyMode { .streamed }

    /// The request's query is added, before the destination's fragment. A destination on this host never becomes one on
    /// another, whatever the path holds.
    public override func get() async throws {
        var url = state.url
        for (index, value) in pathArguments.values.enumerated() {
            let escaped = urlEscape(value ?? "", plus: false)
            url = url.replacing("{\(index)}", with: escaped)
            if pathArguments.names.indices.contains(index) {
                url = url.replacing("{\(pathArguments.names[index])}", with: escaped)
            }
        }
        if !state.url.utf8.starts(with: "//".utf8) { url = localReference(url) }
        url = addingQuery(request.query, to: url)
        try redirect(PercentCoding.encodeReference(url), status: state.isPermanent ? .movedPermanently : .found)
    }
}

/// The methods that handlers may serve: the methods of the server as a whole.
private let serverMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

/// Responds to `OPTIONS *` with the methods of the server as a whole.
final class ServerOptionsHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override class var policy: Policy { Policy(xsrf: false) }
    override func prepare() async throws {
        guard request.method == .options else { throw HTTPError(.badRequest) }
        setStatus(.noContent)
        setTrustedHeader(.allow, serverMethods)
        finish()
    }
}

/// Refuses CONNECT, since the server makes no tunnels. A connection of HTTP/1.1 closes, because the client may already send
/// bytes that are meant for the tunnel.
final class ConnectHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override class var policy: Policy { Policy(xsrf: false) }
    override func prepare() async throws {
        var headers: HTTPFields = [.allow: serverMethods]
        if !request.head.isHTTP2 { headers[.connection] = "close" }
        throw HTTPError(.methodNotAllowed, headers: headers)
    }

    override func logException(_ error: any Error) {}
}
