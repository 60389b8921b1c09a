import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// A route of an application as it serves requests: makes the handlers, and knows what holds for all of them.
final class HandlerRoute: Sendable {
    let target: Target
    /// What the handlers of a class have in common. For several closures on one path: that of the first one.
    let traits: HandlerTraits
    /// The traits of handlers for requests whose path cannot be decoded: they respond with the handler's own page for 400.
    let malformed: HandlerTraits
    private let make: (@Sendable (consuming HandlerContext) -> RequestHandler)?
    private let handlerType: RequestHandler.Type
    /// Whether the handlers decode the path's arguments by themselves.
    let decodesArguments: Bool

    /// What a request is given to.
    enum Target: Sendable {
        case handler
        /// Each method has a route of its own. Requests with another method go to this route, whose handler refuses them.
        case methods([(method: HTTPRequest.Method, route: HandlerRoute)])
        case delegate(any HTTPServerConnectionDelegate)
    }

    init(
        _ maker: HandlerMaker, _ target: Target = .handler, traits: HandlerTraits, malformed: HandlerTraits,
        decodesArguments: Bool
    ) {
        self.target = target
        self.traits = traits
        self.malformed = malformed
        self.decodesArguments = decodesArguments
        make = maker.make
        handlerType = maker.type
    }

    /// Makes a handler. Takes the context, so that its references pass to the handler without being counted.
    @inline(__always)
    func makeHandler(_ context: consuming HandlerContext) -> RequestHandler {
        if let make { makeByClosure(context, make) } else { handlerType.init(context) }
    }

    /// Ends the program where the closure returns a handler of another request: that handler's response would go to the
    /// other request's client.
    private func makeByClosure(
        _ context: consuming HandlerContext, _ make: @Sendable (consuming HandlerContext) -> RequestHandler
    ) -> RequestHandler {
        let expected = ObjectIdentifier(context.request.connection)
        let handler = make(context)
        if ObjectIdentifier(handler.request.connection) != expected { failHandlerOfOtherRequest() }
        return handler
    }

    @inline(never)
    private func failHandlerOfOtherRequest() -> Never {
        fatalError(
            """
            The closure that makes the handlers of a route (\(handlerType)) returned a handler that belongs to another \
            request. A handler serves one request: have the closure make a new one, from the context that it gets, each \
            time that it is called.
            """)
    }

    /// The route of one of several methods that are served on the path by different handlers.
    func route(for head: RequestHead, in methods: [(method: HTTPRequest.Method, route: HandlerRoute)]) -> HandlerRoute {
        let method = head.httpMethod
        if let found = methods.first(where: { $0.method == method }) { return found.route }
        // A handler of GET responds to HEAD.
        if method == .head, let found = methods.first(where: { $0.method == .get }) { return found.route }
        return methods[0].route
    }
}
