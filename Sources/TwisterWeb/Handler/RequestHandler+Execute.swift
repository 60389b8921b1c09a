import HTTPTypes
import TwisterCodec
public import TwisterHTTP
public import TwisterIO

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
        // A method that is not served is refused without its body, so that a client that waits to send one gets the
        // response at once. A handler with a `prepare` may respond to the method there.
        if withConnection({ $0.requestHead.hasBody }), refusesMethod {
            return .streamed(limit: traits.maxBodySize)
        }
        let limit = traits.maxBodySize
        return traits.requestBody == .collected ? .collected(limit: limit) : .streamed(limit: limit)
    }

    /// The class and the route, as logs and reports name them.
    @inline(__always)
    public var label: JobLabel { traits.label }

    /// Tornado: `RequestHandler._execute`.
    @inline(__always)
    public func execute() async throws {
        initialize()
        if traits.hasCourse { return try await runCourse() }
        if withConnection({ $0.requestHead.hasBody }) { try readForm() }
        try await runMethod()
    }

    /// A function of its own, so that it costs other handlers nothing.
    private func runCourse() async throws {
        try await traits.course?.run(self)
    }

    /// Tornado: `RequestHandler.on_finish`, which `finish` calls there.
    public func exchangeEnded() { onFinish() }
}

extension RequestHandler {
    /// Calls the function of the request's method.
    @inline(__always)
    func runMethod() async throws {
        switch withConnection({ $0.requestHead.method }) {
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
}
