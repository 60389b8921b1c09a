import Twister

/// Sends each message back as it came.
class EchoSocketHandler: WebSocketHandler {
    override var maxMessageSize: Int { 64 << 20 }

    /// The server is asked by test suites and benches, which come from anywhere.
    override func checkOrigin(_ origin: String) -> Bool { true }

    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression() }

    /// Nothing of the request is asked for once the connection is open.
    override class var keepsRequest: Bool { false }

    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(message) }
}

/// The same, by a handler that can use its request for as long as the connection lives.
final class RequestSocketHandler: EchoSocketHandler {
    override class var keepsRequest: Bool { true }
}

/// Sends each message to everyone who is connected.
final class TopicSocketHandler: WebSocketHandler {
    override class var keepsRequest: Bool { false }
    override func checkOrigin(_ origin: String) -> Bool { true }
    override func open() async throws { subscribe("everyone") }
    override func onMessage(_ message: WebSocketMessage) async throws { publish(message, to: "everyone") }
}
