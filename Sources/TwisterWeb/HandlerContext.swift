import TwisterHTTP

/// What a handler is made from; passed on by every initializer of a `RequestHandler` subclass.
///
/// The exchange of `request` keeps the application, which keeps its routes.
public struct HandlerContext {
    unowned(unsafe) let application: Application
    let request: HTTPServerRequest
    /// Nil where the route has none, which costs no reference.
    let arguments: BoxedArguments?
    unowned(unsafe) let route: HandlerRoute
}
