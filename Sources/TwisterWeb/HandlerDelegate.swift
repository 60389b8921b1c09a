import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Brings a request to its handler: the course of `_execute`, in one async function, because each async frame on a
/// request's way costs a look at the executor.
///
/// Tornado: `web._HandlerDelegate` (`_RequestDispatcher` in 4.x), `RequestHandler._execute`.
final class HandlerDelegate: HTTPMessageDelegate {
    let application: Application
    let connection: HTTP1Connection
    /// Nil where the route has none, which costs no reference.
    let arguments: BoxedArguments?
    let route: HandlerRoute
    /// Nil once the request is over: the handler holds its delegate.
    @exclusivity(unchecked) private var handler: RequestHandler?

    var request: HTTPServerRequest { HTTPServerRequest(connection) }

    init(_ application: Application, _ request: HTTPServerRequest, _ arguments: BoxedArguments?, _ route: HandlerRoute)
    {
        self.application = application
        connection = request.connection
        self.arguments = arguments
        self.route = route
    }

    func headersReceived() -> HTTPBodyDelivery {
        handler = route.makeHandler(HandlerContext(delegate: self))
        return switch route.traits.requestBody {
        case .collected: .collected(limit: route.traits.maxBodySize)
        case .streamed, .dataReceived: .streamed(limit: route.traits.maxBodySize)
        }
    }

    func execute() async {
        guard let handler else { return }
        do {
            handler.initialize()
            if route.traits.overridesPrepare { try await handler.prepare() }
            if route.traits.requestBody == .dataReceived, !connection.isFinished {
                for try await chunk in request.bodyStream { try await handler.dataReceived(chunk) }
            }
            if connection.isFinished { return }
            switch connection.requestHead.method {
            case .get: try await handler.get()
            case .head: try await handler.head()
            case .post: try await handler.post()
            case .put: try await handler.put()
            case .patch: try await handler.patch()
            case .delete: try await handler.delete()
            case .options: try await handler.options()
            case .connect, .trace: throw HTTPError(.methodNotAllowed)
            case .other: try await handler.other(request.method)
            }
        } catch {
            await handler.handle(error)
        }
    }

    func onConnectionClose() { handler?.onConnectionClose() }

    var cancelsWhenClientGoes: Bool { handler?.cancelsWhenClientGoes ?? true }

    func onFinish() {
        guard let handler = handler.take() else { return }
        handler.onFinish()
        if application.settings.logsRequests { application.logRequest(handler) }
    }
}

/// Arguments behind one reference.
final class BoxedArguments: Sendable {
    let value: PathArguments
    init(_ value: PathArguments) { self.value = value }
}
