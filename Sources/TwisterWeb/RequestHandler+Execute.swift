import HTTPTypes
import TwisterCodec
public import TwisterHTTP

/// The functions that a server calls for each request, in this order.
///
/// They are not part of the API of applications, but a public protocol requires them to be public. `@_spi` hides them from
/// other modules: a subclass neither sees them nor overrides them, and may have functions with the same names. The server
/// calls them through the protocol. An internal adapter would cost an allocation for each request instead.
///
/// `execute` is inlined in the leader of the loop (`Application.willServe`), and so the handler's method is the one async
/// frame of a request: each return to an async frame costs a look at the executor.
@_spi(TwisterServer) extension RequestHandler: HTTPMessageDelegate {
    /// The body comes in one piece or in pieces, as the handler's class has it.
    public func headersReceived() -> HTTPBodyDelivery {
        let traits = route.traits
        // A method that is not served is refused without its body, so that a client that waits to send one gets the
        // response at once. A handler with a `prepare` may respond to the method there.
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

    /// Runs `prepare` and `dataReceived`, if the class has them. A function of its own, so that it costs other handlers nothing.
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
