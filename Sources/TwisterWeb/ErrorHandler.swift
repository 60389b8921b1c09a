import HTTPTypes
import TwisterHTTP

/// Responds to every request with one status. Tornado: `web.ErrorHandler`.
final class ErrorHandler: RequestHandler {
    private let status: HTTPResponse.Status

    init(_ context: HandlerContext, _ status: HTTPResponse.Status) {
        self.status = status
        super.init(context)
    }

    required init(_ context: HandlerContext) {
        status = .notFound
        super.init(context)
    }

    // The response depends on the request's head alone.
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws { throw HTTPError(status) }
    // Such requests are ordinary traffic and no error of the application.
    override func logException(_ error: any Error) {}
}

/// The methods that handlers may serve: the methods of the server as a whole.
private let serverMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

/// Responds to `OPTIONS *` with the methods of the server as a whole.
final class ServerOptionsHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws {
        guard request.method == .options else { throw HTTPError(.badRequest) }
        setStatus(.noContent)
        setTrustedHeader(.allow, serverMethods)
        finish()
    }
}

/// Refuses CONNECT, since the server makes no tunnels. The connection closes, because the client may already send bytes that
/// are meant for the tunnel.
final class ConnectHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws {
        let headers: HTTPFields = [.allow: serverMethods, .connection: "close"]
        throw HTTPError(.methodNotAllowed, headers: headers)
    }

    override func logException(_ error: any Error) {}
}
