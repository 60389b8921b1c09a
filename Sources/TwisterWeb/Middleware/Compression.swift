import HTTPTypes
import Synchronization
import TwisterCodec
public import TwisterCompression
import TwisterHTTP
import TwisterIO

/// Compresses responses in the coding that the client likes best: Zstandard, Brotli or gzip.
///
///     let application = try Application(routes, middleware: [Compression()])
///
/// Text, JSON and other media types that become smaller are compressed from 1,024 bytes on, in pieces where the handler
/// flushes. What is sent at once is compressed at once, and other connections of the loop wait meanwhile (gzip takes 40 ms for
/// a megabyte of text): write a long body in pieces, with `flush()` between them. Each coding has an `ETag` of its own, and the response says that it depends on `Accept-Encoding`. Pages that show a
/// secret together with text of the client's must not be compressed: `Policy(compression: false)`.
///
/// Compression contexts belong to the loops and go from response to response: a connection keeps none.
///
/// Tornado: the setting `compress_response`, `web.GZipContentEncoding`.
public final class Compression: Middleware {
    let settings: CompressionSettings
    /// Each loop's compression contexts.
    private let pools = Mutex<[ObjectIdentifier: LoopBound<EncoderPool>]>([:])

    /// - Parameter settings: the codings, their levels, and what is compressed.
    public init(_ settings: CompressionSettings = CompressionSettings()) { self.settings = settings }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        if handler.extras?.allowsCompression != false {
            let transform = CompressionTransform(self, handler)
            handler.madeExtras.compression = transform
            handler.addTransform(transform)
        }
        try await next()
    }

    fileprivate func pool(of handler: RequestHandler) -> EncoderPool {
        pools.withLock { pools in
            let loop = ObjectIdentifier(handler.loop)
            if let known = pools[loop] { return known }
            let made = LoopBound(EncoderPool())
            pools[loop] = made
            return made
        }.value
    }
}

/// Compresses one response.
final class CompressionTransform: OutputTransform, ResponseCompressor {
    private let compression: Compression
    private let pool: EncoderPool
    private var encoder: ContentEncoder?

    init(_ compression: Compression, _ handler: RequestHandler) {
        self.compression = compression
        pool = compression.pool(of: handler)
    }

    var codings: [StaticString] { compression.settings.codings.map(\.name) }

    func decide(_ connection: HTTPConnection, status: Int, length: Int?) -> ResponseCoding? {
        let head = connection.head
        var response = ResponseCodingDecision.Response(status: status, length: length)
        response.contentType = head.get(.contentType)
        response.contentEncoding = head.get(.contentEncoding)
        response.contentRange = head.get(.contentRange)
        response.cacheControl = head.get(.cacheControl)
        let decision = ResponseCodingDecision(
            response, method: connection.requestHead.methodText,
            acceptEncoding: connection.requestHead[.acceptEncoding], settings: compression.settings)
        if decision.varies { connection.addVary("Accept-Encoding") }
        return decision.coding
    }

    func transformFirstChunk(_ handler: RequestHandler, _ chunk: [UInt8], finishing: Bool) throws -> [UInt8] {
        let head = handler.connection.head
        let length = finishing ? chunk.count : head.contentLength
        guard let coding = decide(handler.connection, status: head.status, length: length) else { return chunk }
        do {
            encoder = try ContentEncoder(coding, level: compression.settings.level(of: coding), pool: pool)
        } catch EncoderError.tooManyBodies {
            // So many responses of the loop are compressed already that this one goes out as it is.
            return chunk
        }
        handler.setTrustedHeader(.contentEncoding, "\(coding.name)")
        if let tag = handler.connection.head.get(.eTag).flatMap({ EntityTag(field: $0) }) {
            handler.setTrustedHeader(.eTag, tag.coded(coding.name).text)
        }
        handler.clearHeader(.contentLength)
        handler.clearHeader(.acceptRanges)
        return try transformChunk(chunk, finishing: finishing)
    }

    func transformChunk(_ chunk: [UInt8], finishing: Bool) throws -> [UInt8] {
        guard let encoder else { return chunk }
        var encoded: [UInt8] = []
        try chunk.withUnsafeBytes { octets in
            try encoder.encode(octets, finishing ? .finish : .flush) { encoded.append(contentsOf: $0) }
        }
        return encoded
    }
}
