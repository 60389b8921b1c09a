import Twister

/// A function that responds to requests without a handler.
final class PlainFunction: HTTPServerConnectionDelegate {
    typealias Body = @Sendable (HTTPServerRequest) async throws -> Void
    private let body: Body

    init(_ body: @escaping Body) { self.body = body }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Call(request, body) }

    private final class Call: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        private let body: Body

        init(_ request: HTTPServerRequest, _ body: @escaping Body) {
            self.request = request
            self.body = body
        }

        func execute() async throws { try await body(request) }

        func executionFailed(_ error: any Error) async {
            try? request.connection.setHead(.internalServerError)
            request.connection.finish()
        }
    }
}
