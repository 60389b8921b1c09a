import TwisterCompression
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Sends each message back.
final class EchoHandler: WebSocketHandler {
    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(message) }
}

/// Sends each message back, compressed where the client can do that.
final class DeflateHandler: WebSocketHandler {
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression() }
    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(message) }
}

/// Runs `body` against a server with these routes on each backend.
func onBothBackends(
    _ routes: [URLSpec], settings: ApplicationSettings = ApplicationSettings(),
    configure: (inout HTTPServer.Configuration) -> Void = { _ in }, _ body: (UInt16) async throws -> Void
) async throws {
    for backend in testedBackends {
        let application = try Application(routes, settings: settings)
        try await withServer(backend, application, configure: configure) { try await body($0) }
    }
}

extension MessageCompression {
    /// A message as a client sends it compressed.
    static func packed(_ bytes: [UInt8]) throws -> [UInt8] {
        let deflater = try MessageDeflater(windowBits: 15, level: 6, memoryLevel: 8)
        var output: [UInt8] = []
        try bytes.withUnsafeBytes { try deflater.compress($0, .message, into: &output) }
        return output
    }
}
