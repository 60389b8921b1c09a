import HTTPTypes
package import TwisterHTTP
import TwisterIO

/// Requests that the server refuses once their route is known: the route responds, as it does to its other errors.
extension RequestHandler: RefusalResponder {
    package func refused(_ refusal: RequestRefusal) -> (any HTTPMessageDelegate)? {
        let error = HTTPError(refusal)
        madeExtras.refusal = error
        return RefusedRequest(self, error)
    }

    /// The server's reason, where an error says that it has refused the request's body; nil for other errors.
    func serverRefusal(_ error: any Error) -> HTTPError? {
        guard case .refused(let status)? = error as? HTTPBodyError else { return nil }
        return extras?.refusal ?? HTTPError(status)
    }

    /// Runs in place of a handler whose request is refused before the handler runs: its middleware runs as usual, and the error
    /// takes the place of the method.
    private final class RefusedRequest: HTTPMessageDelegate {
        private let handler: RequestHandler
        private let error: HTTPError

        init(_ handler: RequestHandler, _ error: HTTPError) {
            self.handler = handler
            self.error = error
        }

        func execute() async throws {
            handler.initialize()
            guard let course = handler.traits.course else { throw error }
            try await course.refusing(error).run(handler)
        }

        var label: JobLabel { handler.traits.label }
        func executionFailed(_ error: any Error) async { await handler.executionFailed(error) }
        func onConnectionClose() { handler.onConnectionClose() }
        func onShutdown() { handler.onShutdown() }
        var cancelsOnDisconnect: Bool { handler.cancelsOnDisconnect }
        func exchangeEnded() { handler.exchangeEnded() }
    }
}

extension HTTPError {
    fileprivate init(_ refusal: RequestRefusal) {
        self.init(refusal.status, detail: refusal.detail)
        if let fields = refusal.fields { headers = fields }
    }
}
