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
/// flushes. A long response is compressed in several turns of the loop, so that other connections are served meanwhile. Each
/// coding has an `ETag` of its own, and the response says that it depends on `Accept-Encoding`. Pages that show a
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
        guard handler.extras?.allowsCompression != false else { return try await next() }
        let transform = CompressionTransform(self, handler)
        handler.madeExtras.compression = transform
        handler.addTransform(transform)
        do { try await next() } catch {
            await transform.settle(isSentNext: false)
            throw error
        }
        await transform.settle(isSentNext: true)
    }

    func pool(of handler: RequestHandler) -> EncoderPool {
        pools.withLock { pools in
            let loop = ObjectIdentifier(handler.loop)
            if let known = pools[loop] { return known }
            let made = LoopBound(EncoderPool())
            pools[loop] = made
            return made
        }.value
    }
}
