import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Answers one method with a closure; GET answers HEAD too.
final class ClosureHandler: RequestHandler {
    typealias Answer = @Sendable (RequestHandler) async throws -> Void

    private let method: HTTPRequest.Method
    private let answer: Answer

    init(_ context: HandlerContext, _ method: HTTPRequest.Method, _ answer: @escaping Answer) {
        self.method = method
        self.answer = answer
        super.init(context)
    }

    /// Without a closure there is nothing that it serves.
    required init(_ context: HandlerContext) {
        method = .options
        answer = { try await $0.options() }
        super.init(context)
    }

    override var allowedMethods: [RequestMethod] {
        Self.allowedMethods(for: RequestMethodSet(RequestMethod.allCases.filter { $0.httpTypes == method }))
    }

    override func serves(_ asked: RequestMethod) -> Bool {
        asked == .other ? request.method == method : super.serves(asked)
    }

    override func get() async throws { try await answer(to: .get) }
    override func head() async throws { try await answer(to: method == .head ? .head : .get) }
    override func post() async throws { try await answer(to: .post) }
    override func put() async throws { try await answer(to: .put) }
    override func patch() async throws { try await answer(to: .patch) }
    override func delete() async throws { try await answer(to: .delete) }
    override func options() async throws {
        if method == .options { try await answer(self) } else { try await super.options() }
    }
    override func other(_ method: HTTPRequest.Method) async throws {
        if method == self.method { try await answer(self) } else { try await super.other(method) }
    }

    private func answer(to asked: HTTPRequest.Method) async throws {
        guard asked == method else { throw HTTPError(.methodNotAllowed) }
        try await answer(self)
    }
}
