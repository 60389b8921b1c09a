public import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// A value that a route's closure returns, and that becomes the response. `String`, `[UInt8]`, a status and optionals of these
/// are response values (nil: 404); so is every `Encodable`, which becomes JSON.
public protocol ResponseValue {
    /// Writes the value as the response. A handler class calls it by itself: `try await stream.respond(self)`.
    func respond(_ handler: RequestHandler) async throws
}

/// Text, `text/plain` unless the handler has set the `Content-Type`.
extension String: ResponseValue {
    /// Writes the value as the response.
    public func respond(_ handler: RequestHandler) async throws {
        handler.connection.setDefaultContentType("text/plain; charset=utf-8")
        handler.write(self)
    }
}

/// Bytes, `application/octet-stream` unless the handler has set the `Content-Type`.
extension [UInt8]: ResponseValue {
    /// Writes the value as the response.
    public func respond(_ handler: RequestHandler) async throws { handler.write(self) }
}

/// A status without a body, or, from 400 on, with the page for the error.
extension HTTPResponse.Status: ResponseValue {
    /// Writes the value as the response.
    public func respond(_ handler: RequestHandler) async throws {
        guard code < 400 else { throw HTTPError(self) }
        handler.setStatus(self)
    }
}

/// Nil is a page that does not exist.
extension Optional: ResponseValue where Wrapped: ResponseValue {
    /// Writes the value as the response.
    public func respond(_ handler: RequestHandler) async throws {
        guard let self else { throw HTTPError(.notFound) }
        try await self.respond(handler)
    }
}

/// Writes a value as JSON; nil is a page that does not exist.
func respondWithJSON<Value: Encodable>(_ handler: RequestHandler, _ value: Value) throws {
    if let optional = value as? any NilTestable, optional.isNil { throw HTTPError(.notFound) }
    try handler.write(json: value)
}

private protocol NilTestable { var isNil: Bool { get } }
extension Optional: NilTestable { fileprivate var isNil: Bool { self == nil } }
