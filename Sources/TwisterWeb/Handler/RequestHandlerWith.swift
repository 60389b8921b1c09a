/// A handler with something that it needs: a store, a client, the settings of the program.
///
///     final class Home: RequestHandlerWith<Blog> {
///         override func get() async throws { write(await state.title) }
///     }
///
///     URLSpec("/", Home.self, blog)
///
/// The route gives the state to each handler that it makes, and the compiler checks that it is of the right type. All handlers of
/// all loops share it, hence `Sendable`: an actor, or a value.
///
/// Tornado: `RequestHandler.initialize(**kwargs)`.
open class RequestHandlerWith<State: Sendable>: RequestHandler {
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

extension RequestHandlerWith: StatefulHandler {}

/// Handlers that cannot be made without a state.
package protocol StatefulHandler: RequestHandler {}
