/// What a handler is made from; passed on by every initializer of a `RequestHandler` subclass.
public struct HandlerContext {
    let delegate: HandlerDelegate
}
