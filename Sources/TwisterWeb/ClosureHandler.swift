import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Responds to one method with a closure. A closure for GET responds to HEAD, too.
final class ClosureHandler: RequestHandler {
    typealias Response = @Sendable (RequestHandler) async throws -> Void

    private let method: HTTPRequest.Method
    private let response: Response

    init(_ context: HandlerContext, _ method: HTTPRequest.Method, _ response: @escaping Response) {
        self.method = method
        self.response = response
        super.init(context)
    }

    /// Required by `RequestHandler`, but never called for a route: a closure handler is made with its closure.
    required init(_ context: HandlerContext) {
        method = .options
        response = { try await $0.options() }
        super.init(context)
    }

    override var allowedMethods: [RequestMethod] {
        Self.allowedMethods(for: RequestMethodSet(RequestMethod.allCases.filter { $0.httpTypes == method }))
    }

    override func serves(_ method: RequestMethod) -> Bool {
        method == .other ? request.method == self.method : super.serves(method)
    }

    override func get() async throws { try await respond(to: .get) }
    override func head() async throws { try await respond(to: method == .head ? .head : .get) }
    override func post() async throws { try await respond(to: .post) }
    override func put() async throws { try await respond(to: .put) }
    override func patch() async throws { try await respond(to: .patch) }
    override func delete() async throws { try await respond(to: .delete) }
    override func options() async throws {
        if method == .options { try await response(self) } else { try await super.options() }
    }
    override func other(_ method: HTTPRequest.Method) async throws {
        if method == self.method { try await response(self) } else { try await super.other(method) }
    }

    private func respond(to requested: HTTPRequest.Method) async throws {
        guard requested == method else { throw HTTPError(.methodNotAllowed) }
        try await response(self)
    }
}
