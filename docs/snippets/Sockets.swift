import Twister

struct Move: Codable, Sendable {
    var player: String
    var to: Int
}

/// Everyone who is connected to a room gets what one of them sends.
final class Room: WebSocketHandler {
    override func open() async throws {
        subscribe("room/\(pathArguments[0] ?? "")")
    }

    override func onMessage(_ message: WebSocketMessage) async throws {
        // Encoded once, and compressed once, for all who get it.
        publish(message, to: "room/\(pathArguments[0] ?? "")")
    }

    override func onClose() async {
        logger.info("closed with \(closeCode?.description ?? "no code")")
    }
}

/// A conversation that is easier to write as a loop.
final class Game: WebSocketHandler {
    override var pingInterval: Duration? { .seconds(30) }

    override func checkOrigin(_ origin: String) -> Bool {
        origin == "https://game.example" || super.checkOrigin(origin)
    }

    override func selectSubprotocol(_ subprotocols: [String]) -> String? {
        subprotocols.contains("moves.v1") ? "moves.v1" : nil
    }

    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression(minimumSize: 128) }

    override func open() async throws {
        for try await message in messages {
            let move = try message.decode(Move.self)
            guard (0..<64).contains(move.to) else { return close(.policyViolation, "no such field") }
            try await writeMessage(json: Move(player: "computer", to: 63 - move.to))
        }
    }
}

/// A message that is too long for memory: it comes in pieces, and goes back in pieces.
final class Upload: WebSocketHandler {
    override var streamsMessages: Bool { true }

    override func onMessageStream(_ message: WebSocketMessageStream) async throws {
        let copy = try await beginMessage(isText: message.isText)
        for try await piece in message { try await copy.write(piece) }
        try await copy.finish()
    }
}

func makeSockets() throws -> Application {
    try Application(
        [
            URLSpec("/rooms/([a-z]+)", Room.self),
            URLSpec("/game", Game.self),
            URLSpec("/upload", Upload.self),
        ], settings: .init(webSocketPingInterval: .seconds(60)))
}

/// A client, on the loop that it is called on.
func ask(_ url: String) async throws -> String? {
    var options = WebSocketClientOptions()
    options.compression = WebSocketCompression()
    let socket = try await webSocketConnect(url, options: options)
    defer { socket.close() }
    try await socket.writeMessage("hello")
    return try await socket.readMessage()?.text
}
