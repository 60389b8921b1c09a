import HTTPTypes
import Synchronization
import TwisterCodec
import TwisterHTTP

/// The rules of a `Policy` that hold while a handler runs, as middleware.
enum PolicyMiddleware {
    /// A policy's rules around other middleware: those that refuse requests come last, so that their responses have the fields
    /// that the others set.
    static func around(_ others: [any Middleware], by policy: Policy) -> [any Middleware] {
        var middleware: [any Middleware] = []
        if let value = policy.cacheControl { middleware.append(CacheControl(value)) }
        if let allowed = policy.compression { middleware.append(CompressionSwitch(allowed)) }
        middleware += others
        if let limit = policy.concurrency { middleware.append(ConcurrencyLimit(limit)) }
        return middleware
    }

    /// Limits how many requests of a route are served at once, on all loops together.
    private final class ConcurrencyLimit: Middleware {
        private let limit: Int
        private let running = Atomic(0)

        init(_ limit: Int) { self.limit = limit }

        func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
            let count = running.add(1, ordering: .relaxed).newValue
            defer { running.subtract(1, ordering: .relaxed) }
            guard count <= limit else {
                throw HTTPError(
                    .serviceUnavailable, "\(limit) requests are served already", headers: [.retryAfter: "1"])
            }
            try await next()
        }
    }

    /// Sets the `Cache-Control` of good responses that have none. A 206 or 304 has what the 200 would have (RFC 9110, 15.3.7 and
    /// 15.4.5).
    private struct CacheControl: Middleware {
        private let value: String

        init(_ value: String) { self.value = value }

        func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
            handler.beforeHead { handler in
                let head = handler.connection.head
                guard [200, 206, 304].contains(head.status), !head.contains(.cacheControl) else { return }
                try handler.setHeader(.cacheControl, value)
            }
            try await next()
        }
    }

    /// Notes whether the handler's responses may be compressed.
    private struct CompressionSwitch: Middleware {
        private let allowed: Bool

        init(_ allowed: Bool) { self.allowed = allowed }

        func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
            handler.madeExtras.allowsCompression = allowed
            try await next()
        }
    }
}
