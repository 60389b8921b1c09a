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
        try await middleware[index].handle(handler) { try await run(from: index + 1, handler) }
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
