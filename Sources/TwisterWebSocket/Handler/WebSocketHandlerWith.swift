public import TwisterWeb

/// A WebSocket handler with a value that it needs, as `RequestHandlerWith` is for requests:
///
///     final class Chat: WebSocketHandlerWith<Rooms> {
///         override func open() async throws { for message in await state.latest { try await writeMessage(message) } }
///     }
///
///     URLSpec("/chat", Chat.self, rooms)
///
/// Tornado: `RequestHandler.initialize(**kwargs)`.
open class WebSocketHandlerWith<State: Sendable>: WebSocketHandler {
    /// The value that the route was made with.
    public final let state: State

    /// Made by the application.
    public required init(_ context: HandlerContext, _ state: State) {
        self.state = state
        super.init(context)
    }

    @available(*, unavailable, message: "a handler with a state is made by URLSpec(pattern, Handler.self, state)")
    public required init(_ context: HandlerContext) {
        fatalError("\(Self.self) needs a \(State.self): make its route by URLSpec(pattern, \(Self.self).self, state)")
    }
}

extension WebSocketHandlerWith: StatefulHandler {}

extension URLSpec {
    /// A route to WebSocket handlers of a class that needs `state`.
    ///
    /// Tornado: the `kwargs` of a `URLSpec`.
    public init<State: Sendable, Handler: WebSocketHandlerWith<State>>(
        _ pattern: String, _ handler: Handler.Type, _ state: State, name: String? = nil
    ) {
        self.init(pattern, name: name) { handler.init($0, state) }
    }
}
