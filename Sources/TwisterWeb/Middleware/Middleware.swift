/// Runs around the handlers of a route, a group of routes or an application.
///
///     struct Timing: Middleware {
///         func handle(_ handler: RequestHandler, next: Next) async throws {
///             let start = ContinuousClock.now
///             try await next()
///             handler.logger.info("took \(start.duration(to: .now))")
///         }
///     }
///
/// `next` runs the middleware after this one and then the handler. A middleware that does not call it has to respond by itself:
/// by a body, a status other than 200, `finish` or an error. If it does none of these, the client gets 500, and the log names the
/// middleware. A second call of `next` for the same request throws an error, which becomes 500, too, unless the middleware
/// catches it.
///
/// Errors of the handler come out of `next`. An error that leaves the outermost middleware becomes the response. Header fields
/// that are set before `next` stay in the response in any case. `RequestHandler.beforeHead` changes a response at the last
/// moment, when its status is known. One value serves all requests of all loops.
///
/// A route's middleware is put together when the application is made: a route that has none pays nothing.
public protocol Middleware: Sendable {
    /// Runs what is behind a middleware, on the loop's thread. The name stands for a type that modules without the upcoming
    /// feature `NonisolatedNonsendingByDefault` would have to write as `nonisolated(nonsending) () async throws -> Void`.
    typealias Next = nonisolated(nonsending) () async throws -> Void

    /// Runs what belongs around the handler of one request, on its loop's thread.
    func handle(_ handler: RequestHandler, next: Next) async throws

    /// The middleware's text in a list of routes. Default: the name of its type.
    var label: String { get }
}

extension Middleware {
    /// The name of the type.
    public var label: String { String(describing: Self.self) }
}

/// Middleware made from a closure.
public struct MiddlewareClosure: Middleware {
    /// Gets the handler and `next`, as `Middleware.handle` does.
    public typealias Body = @Sendable (_ handler: RequestHandler, _ next: () async throws -> Void) async throws -> Void
    private let body: Body

    /// - Parameter body: what runs around the handler.
    public init(_ body: @escaping Body) { self.body = body }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: Next) async throws {
        try await body(handler, next)
    }
}
