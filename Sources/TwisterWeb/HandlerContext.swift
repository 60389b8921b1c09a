import TwisterHTTP

/// What a handler is made from; passed on by every initializer of a `RequestHandler` subclass.
public struct HandlerContext {
    let application: Application
    let request: HTTPServerRequest
    /// Nil where the route has none, which costs no reference.
    let arguments: BoxedArguments?
    /// Kept by the application.
    unowned(unsafe) let route: HandlerRoute
}
