import HTTPTypes
import TwisterCodec
public import TwisterHTTP

/// A request's course through its handler; the server calls these.
///
/// `execute` is inlined in the leader of the loop (`Application.willServe`), and so the handler's method is the one async
/// frame of a request: each return to an async frame costs a look at the executor.
extension RequestHandler: HTTPMessageDelegate {
    /// The body comes as the handler's class has it: in one piece, or in pieces.
    public func headersReceived() -> HTTPBodyDelivery {
        let traits = route.traits
        // The response to a method that is not served needs no body: a client that waits to send one is told at once.
        // Where there is a `prepare`, that may be what serves it.
        if connection.requestHead.hasBody, !traits.overridesPrepare, !serves(connection.requestHead.method) {
            return .streamed(limit: traits.maxBodySize)
        }
        return switch traits.requestBody {
        case .collected: .collected(limit: traits.maxBodySize)
        case .streamed, .dataReceived: .streamed(limit: traits.maxBodySize)
        }
    }

    /// Tornado: `RequestHandler._execute`.
    @inline(__always)
    public func execute() async throws {
        initialize()
        if connection.requestHead.hasBody { try readForm() }
        if route.traits.hasPrelude { try await runPrelude() }
        if isFinished { return }
        switch connection.requestHead.method {
        case .get: try await get()
        case .head: try await head()
        case .post: try await post()
        case .put: try await put()
        case .patch: try await patch()
        case .delete: try await delete()
        case .options: try await options()
        case .connect, .trace: throw HTTPError(.methodNotAllowed)
        case .other: try await other(request.method)
        }
    }

    /// Runs `prepare` and `dataReceived`, where the class has them. Apart, so that it costs the others nothing.
    private func runPrelude() async throws {
        if route.traits.overridesPrepare { try await prepare() }
        if route.traits.requestBody == .dataReceived, !isFinished, serves(connection.requestHead.method) {
            for try await chunk in request.bodyStream { try await dataReceived(chunk) }
        }
    }

    /// Tornado: `RequestHandler.on_finish` and `log_request`, which `finish` calls there.
    public func exchangeEnded() {
        onFinish()
        if application.settings.logsRequests { application.logRequest(self) }
    }
}
