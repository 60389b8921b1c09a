import HTTPTypes
import TwisterHTTP

/// A response whose body comes piece by piece from an asynchronous sequence: an export, a proxy, the tokens of a model.
///
///     URLSpec(.get, "/export") { handler in
///         ResponseStream(contentType: "text/csv; charset=utf-8", store.lines())
///     }
///
/// Each element is sent at once, and the next one is asked for when the client has taken enough: a slow client holds the sequence
/// up, and memory stays bounded. The iteration is cancelled when the client disconnects. An error of the sequence becomes the
/// response as long as no element was sent; later it closes the connection, so that the client sees that the body is not whole.
/// A response to HEAD is the head alone.
public struct ResponseStream: ResponseValue {
    private let contentType: String
    private let send: (RequestHandler) async throws -> Void

    /// A stream of texts, which are sent as UTF-8.
    ///
    /// - Parameter contentType: the response's `Content-Type`, unless the handler has set one.
    public init<Elements: AsyncSequence>(
        contentType: String = "text/plain; charset=utf-8", _ elements: Elements
    ) where Elements.Element == String {
        self.contentType = contentType
        send = { handler in
            for try await element in elements {
                handler.write(element)
                try await handler.flush()
            }
        }
    }

    /// A stream of bytes.
    ///
    /// - Parameter contentType: the response's `Content-Type`, unless the handler has set one.
    public init<Elements: AsyncSequence>(
        contentType: String = "application/octet-stream", _ elements: Elements
    ) where Elements.Element == [UInt8] {
        self.contentType = contentType
        send = { handler in
            for try await element in elements {
                handler.write(element)
                try await handler.flush()
            }
        }
    }

    /// Writes the stream as the response, until it ends.
    public func respond(_ handler: RequestHandler) async throws {
        handler.connection.setDefaultContentType(contentType)
        if handler.request.method != .head { try await send(handler) }
    }
}
