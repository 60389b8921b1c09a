public import HTTPTypes
import TwisterCodec

/// Routes to closures. Several for different methods may have the same pattern. A closure for GET responds to HEAD, too, and
/// other methods get 405.
///
/// A closure has no argument but the handler, or one for each group of the pattern, of any `PathValue` type.
extension URLSpec {
    /// Responds to `method` by a closure that writes the response.
    ///
    ///     URLSpec(.get, "/ping") { handler in handler.write("pong") }
    @_disfavoredOverload
    public init<each Argument: PathValue>(
        _ method: HTTPRequest.Method, _ pattern: String, name: String? = nil,
        respond: @escaping @Sendable (RequestHandler, repeat each Argument) async throws -> Void
    ) {
        self.init(method, pattern, name, arity: Self.arity(repeat (each Argument).self)) { handler in
            var arguments = ArgumentIterator(handler)
            try await respond(handler, repeat try arguments.next((each Argument).self))
        }
    }

    /// Responds to `method` with the value that a closure returns.
    ///
    ///     URLSpec(.delete, "/todos/([0-9]+)") { (_, id: Int) in
    ///         await store.remove(id) ? HTTPResponse.Status.noContent : .notFound
    ///     }
    public init<each Argument: PathValue, Value: ResponseValue & SendableMetatype>(
        _ method: HTTPRequest.Method, _ pattern: String, name: String? = nil,
        respond: @escaping @Sendable (RequestHandler, repeat each Argument) async throws -> Value
    ) {
        self.init(method, pattern, name, arity: Self.arity(repeat (each Argument).self)) { handler in
            var arguments = ArgumentIterator(handler)
            let value = try await respond(handler, repeat try arguments.next((each Argument).self))
            if !handler.isFinished { try await value.respond(handler) }
        }
    }

    /// Responds to `method` with the value that a closure returns, as JSON; nil: 404.
    ///
    ///     URLSpec(.get, "/todos/([0-9]+)") { (_, id: Int) in await store.find(id) }
    public init<each Argument: PathValue, Value: Encodable & SendableMetatype>(
        _ method: HTTPRequest.Method, _ pattern: String, name: String? = nil,
        respond: @escaping @Sendable (RequestHandler, repeat each Argument) async throws -> Value
    ) {
        self.init(method, pattern, name, arity: Self.arity(repeat (each Argument).self)) { handler in
            var arguments = ArgumentIterator(handler)
            let value = try await respond(handler, repeat try arguments.next((each Argument).self))
            if !handler.isFinished { try respondWithJSON(handler, value) }
        }
    }

    /// For values that are both, such as text: they respond as `ResponseValue`. The compiler prefers this initializer for them.
    public init<each Argument: PathValue, Value: ResponseValue & Encodable & SendableMetatype>(
        _ method: HTTPRequest.Method, _ pattern: String, name: String? = nil,
        respond: @escaping @Sendable (RequestHandler, repeat each Argument) async throws -> Value
    ) {
        self.init(method, pattern, name, arity: Self.arity(repeat (each Argument).self)) { handler in
            var arguments = ArgumentIterator(handler)
            let value = try await respond(handler, repeat try arguments.next((each Argument).self))
            if !handler.isFinished { try await value.respond(handler) }
        }
    }

    /// For the compiler's message to somebody who has left out the method.
    @available(
        *, unavailable, message: "name the method that the closure serves: URLSpec(.get, \"/path\") { handler in ... }"
    )
    @_disfavoredOverload
    public init<each Argument: PathValue, Value>(
        _ pattern: String, name: String? = nil,
        respond: @escaping @Sendable (RequestHandler, repeat each Argument) async throws -> Value
    ) {
        self.init(pattern, RequestHandler.self, name: name)
    }

    private init(
        _ method: HTTPRequest.Method, _ pattern: String, _ name: String?, arity: Int,
        _ response: @escaping ClosureHandler.Response
    ) {
        let maker = HandlerMaker(ClosureHandler.self) { ClosureHandler($0, response) }
        // A closure without arguments may read `pathArguments`.
        self.init(pattern, name, .closure(method, maker), arity: arity == 0 ? nil : arity)
    }

    private static func arity<each Argument>(_ types: repeat (each Argument).Type) -> Int {
        var count = 0
        for _ in repeat each types { count += 1 }
        return count
    }
}

/// Converts a path's arguments one after the other.
private struct ArgumentIterator {
    private let values: PathArguments
    private var index = 0

    init(_ handler: RequestHandler) { values = handler.pathArguments }

    /// - Throws: `HTTPError` 404 for an argument that is no such value.
    mutating func next<Value: PathValue>(_ type: Value.Type) throws -> Value {
        defer { index += 1 }
        guard let value = Value(pathArgument: values[index]) else {
            throw HTTPError(.notFound, "path argument \(index) is no \(type)")
        }
        return value
    }
}

/// Responds with a closure. Its route has it serve one method, and HEAD with GET.
final class ClosureHandler: RequestHandler {
    typealias Response = @Sendable (RequestHandler) async throws -> Void
    private let response: Response

    init(_ context: HandlerContext, _ response: @escaping Response) {
        self.response = response
        super.init(context)
    }

    /// Required by `RequestHandler`, but never called for a route: a closure handler is made with its closure.
    required init(_ context: HandlerContext) {
        response = { _ in throw HTTPError(.notFound) }
        super.init(context)
    }

    override func get() async throws { try await respond(.get) }
    override func head() async throws { try await respond(traits.ownMethods.contains(.head) ? .head : .get) }
    override func post() async throws { try await respond(.post) }
    override func put() async throws { try await respond(.put) }
    override func patch() async throws { try await respond(.patch) }
    override func delete() async throws { try await respond(.delete) }
    override func options() async throws {
        if traits.ownMethods.contains(.options) { try await response(self) } else { try await super.options() }
    }
    override func other(_ method: HTTPRequest.Method) async throws {
        guard traits.ownMethods.contains(.other), traits.otherMethods.contains(method.rawValue) else {
            return try await super.other(method)
        }
        try await response(self)
    }

    private func respond(_ method: RequestMethod) async throws {
        guard traits.ownMethods.contains(method) else { throw HTTPError(.methodNotAllowed) }
        try await response(self)
    }
}
