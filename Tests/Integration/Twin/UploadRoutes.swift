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
    private var body: [UInt8] = []

    override func dataReceived(_ chunk: [UInt8]) async throws {
        body += chunk
        if try hasFlag("slow") { try await sleep(for: .milliseconds(2)) }
    }

    override func post() async throws {
        try respond(["bytes": .integer(body.count), "sha256": .string(hexadecimal(Digest.sha256.hash(body)))])
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
