import Twister
import TwisterCrypto

/// Bodies that are read as they arrive.
let uploadRoutes = RouteGroup("/stream") {
    URLSpec("/upload", Upload.self)
    URLSpec("/refuse", RefusedUpload.self)
    URLSpec("/limit", LimitedUpload.self)
}.routes

private class Upload: RequestHandler {
    override class var requestBody: RequestBodyMode { .dataReceived }
    private var count = 0
    private let hash = Digest.Context(.sha256)

    override func dataReceived(_ chunk: [UInt8]) async throws {
        count += chunk.count
        hash.update(chunk)
        if try hasFlag("slow") { try await sleep(for: .milliseconds(2)) }
    }

    override func post() async throws {
        try respond(["bytes": .integer(count), "sha256": .string(hexadecimal(hash.finalize()))])
    }

    override func put() async throws { try await post() }
}

private final class RefusedUpload: RequestHandler {
    override class var requestBody: RequestBodyMode { .dataReceived }
    override func prepare() async throws { throw HTTPError(.forbidden) }
}

private final class LimitedUpload: Upload {
    override func prepare() async throws { setMaxBodySize(100_000) }
}
