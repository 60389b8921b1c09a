import HTTPTypes
import TwisterHTTP

/// Answers every request with one status. Tornado: `web.ErrorHandler`.
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

    // The head alone decides.
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws { throw HTTPError(status) }
    // Ordinary traffic, and no fault of the application.
    override func logException(_ error: any Error) {}
}

/// The methods that handlers may serve: what the server as a whole can do.
private let serverMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

/// Answers `OPTIONS *`: what the server as a whole can do.
final class ServerOptionsHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws {
        guard request.method == .options else { throw HTTPError(.badRequest) }
        setStatus(.noContent)
        setTrustedHeader(.allow, serverMethods)
        finish()
    }
}

/// Refuses CONNECT: no tunnels here. The connection closes, because the client may take what follows for the tunnel's.
final class ConnectHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws {
        let headers: HTTPFields = [.allow: serverMethods, .connection: "close"]
        throw HTTPError(.methodNotAllowed, headers: headers)
    }

    override func logException(_ error: any Error) {}
}
