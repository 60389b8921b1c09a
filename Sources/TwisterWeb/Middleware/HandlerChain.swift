import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The course of a request on a route that has middleware, checks or a `prepare`, in this order.
struct HandlerChain: HandlerCourse {
    /// The middleware; the first one runs around all others.
    var middleware: [any Middleware] = []
    var checks: Checks = []
    /// The error that every request gets in place of the handler's response; nil: the handler responds.
    var refusal: HTTPError?
    /// The types of bodies and responses; nil: none are declared.
    var mediaTypes: MediaTypeRules?

    /// How long the whole course may take; nil: no limit.
    var deadline: Duration?

    /// The steps between the middleware and the handler's method.
    struct Checks: OptionSet {
        let rawValue: UInt8
        static var defaultHeaders: Checks { Checks(rawValue: 1) }
        static var pathArguments: Checks { Checks(rawValue: 2) }
        static var xsrf: Checks { Checks(rawValue: 4) }
        static var prepare: Checks { Checks(rawValue: 8) }
        static var authenticated: Checks { Checks(rawValue: 16) }
        static var dataReceived: Checks { Checks(rawValue: 32) }
        static var eTag: Checks { Checks(rawValue: 64) }
    }

    var isEmpty: Bool {
        middleware.isEmpty && checks.isEmpty && refusal == nil && deadline == nil && mediaTypes == nil
    }

    func refusing(_ error: HTTPError) -> any HandlerCourse {
        var chain = self
        chain.refusal = error
        return chain
    }

    func run(_ handler: RequestHandler) async throws {
        if checks.contains(.defaultHeaders) { try handler.setDefaultHeaders() }
        if checks.contains(.eTag) { handler.madeResponseCourse.checksETag = true }
        guard let deadline else { return try await run(from: 0, handler) }
        do {
            try await handler.withTimeout(deadline) { try await run(from: 0, handler) }
        } catch let error as TimeoutError where error.timeout == deadline {
            throw HTTPError(.serviceUnavailable, "the handler took longer than \(deadline)")
        }
    }

    private func run(from index: Int, _ handler: RequestHandler) async throws {
        guard index < middleware.count else { return try await runHandler(handler) }
        // The fields that outer middleware has set stay in the response to an error of this one.
        if index > 0 { handler.keepHeaders() }
        let current = middleware[index]
        var hasCalledNext = false
        try await current.handle(handler) {
            if hasCalledNext { throw MiddlewareError.secondNext(of: current) }
            hasCalledNext = true
            try await run(from: index + 1, handler)
        }
        if !hasCalledNext, !handler.hasResponse { throw MiddlewareError.noResponse(of: current) }
    }

    private func runHandler(_ handler: RequestHandler) async throws {
        handler.keepHeaders()
        if let refusal { throw refusal }
        if handler.isFinished { return }
        if let mediaTypes, handler.request.method != .options, !handler.refusesMethod { try mediaTypes.check(handler) }
        if checks.contains(.pathArguments) { try handler.decodePathArguments() }
        if handler.connection.requestHead.hasBody { try handler.readForm() }
        // The body of a refused method is not read, and the token may be in it.
        if checks.contains(.xsrf), Self.changesState(handler.request.method), !handler.refusesMethod {
            try handler.checkXSRFCookie()
        }
        if checks.contains(.prepare) {
            try await handler.prepare()
            if handler.isFinished { return }
            handler.keepHeaders()
        }
        if checks.contains(.authenticated), try !handler.admitUser() { return }
        if checks.contains(.dataReceived), handler.serves(handler.connection.requestHead.method) {
            for try await chunk in handler.request.bodyStream { try await handler.dataReceived(chunk) }
            if handler.isFinished { return }
        }
        try await handler.runMethod()
    }

    /// Whether a method may change something, so that it needs a token that only the application's own pages know.
    private static func changesState(_ method: HTTPRequest.Method) -> Bool {
        method != .get && method != .head && method != .options
    }
}

/// A middleware has made a mistake with `next`: the client gets 500.
struct MiddlewareError: Error, CustomStringConvertible {
    let description: String

    static func noResponse(of middleware: any Middleware) -> MiddlewareError {
        MiddlewareError(
            description: "the middleware \(type(of: middleware)) has neither called next nor responded: "
                + "call `try await next()`, write a response, set a status, or throw an HTTPError")
    }

    static func secondNext(of middleware: any Middleware) -> MiddlewareError {
        MiddlewareError(
            description: "the middleware \(type(of: middleware)) calls next a second time for one request: "
                + "the handler runs once")
    }
}

extension RequestHandler {
    /// Whether the response has a body, a status other than 200 or its end, or the client has disconnected. Header fields alone
    /// are no response: other middleware may have set them.
    final var hasResponse: Bool {
        if isFinished { return true }
        return withConnection { $0.isHeadSent || !$0.responseBody.isEmpty || $0.head.status != 200 }
    }
}
