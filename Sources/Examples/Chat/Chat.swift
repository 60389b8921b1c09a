import Twister

private let rooms = Rooms()

/// Adds a message to a room.
final class MessageNewHandler: RequestHandler {
    override func post() async throws {
        let body = try getArgument("body")
        guard (1...Message.limit).contains(body.utf8.count) else { throw HTTPError(.badRequest) }
        try write(json: rooms.add(body, to: getArgument("room", default: "lobby")))
    }
}

/// A room over WebSocket: the client gets the messages after `cursor` and then each new one, and sends texts.
final class RoomSocketHandler: WebSocketHandler {
    override var maxMessageSize: Int { Message.limit }
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression(minimumSize: 256) }

    override func open() async throws {
        let cursor = try getArgument("cursor", as: Int.self, default: 0)
        let name = try getArgument("room", default: "lobby")
        let room = try rooms.room(name)
        // Subscribed first: a message that comes meanwhile is sent twice rather than never, and the page knows its id.
        subscribe(name)
        for message in room.read({ $0.messages(after: cursor) }) ?? [] { try await writeMessage(json: message) }
    }

    override func onMessage(_ message: WebSocketMessage) async throws {
        guard let body = message.text, !body.isEmpty else { return }
        _ = try rooms.add(body, to: getArgument("room", default: "lobby"))
    }
}

/// Waits for messages after `cursor`, the id of the last message that the client has (0: none), and responds with them.
final class MessageUpdatesHandler: RequestHandler {
    private struct Updates: Encodable {
        let messages: [Message]
    }

    override func post() async throws {
        let cursor = try getArgument("cursor", as: Int.self, default: 0)
        let room = try rooms.room(getArgument("room", default: "lobby"))
        // A client that disconnects cancels this task, and the wait with it.
        let messages = try await longPoll(room, timeout: .seconds(50), default: []) { $0.messages(after: cursor) }
        try write(json: Updates(messages: messages))
    }
}

/// The page of the room that the query names.
final class PageHandler: RequestHandler {
    override func get() async throws {
        try setHeader(.contentType, "text/html; charset=utf-8")
        write(page)
    }
}

/// A chat in rooms, as Tornado's demo: over WebSocket, and by long polling where there is none. It works with any number of
/// loops: `Chat --loops 2`.
@main
struct Chat: ParsableCommand {
    @OptionGroup var options: ServerOptions

    func run() throws {
        let application = try Application(
            [
                URLSpec("/", PageHandler.self),
                URLSpec("/ws", RoomSocketHandler.self),
                URLSpec("/a/message/new", MessageNewHandler.self),
                URLSpec("/a/message/updates", MessageUpdatesHandler.self),
            ], middleware: [try CrossOriginProtection()])
        try application.run(options)
    }
}
