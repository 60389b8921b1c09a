import Twister

/// A message of a room.
struct Message: Encodable, Sendable {
    /// The most bytes of a message.
    static let limit = 4096

    /// Counts the room's messages, from 1.
    let id: Int
    let body: String
}

/// The latest messages of a room.
struct MessageBuffer: Sendable {
    /// The most messages that it keeps.
    static let limit = 200

    private var messages: [Message] = []
    private var lastID = 0

    /// Adds a message, and drops the oldest one if there are too many.
    mutating func add(_ body: String) -> Message {
        lastID += 1
        let message = Message(id: lastID, body: body)
        messages.append(message)
        if messages.count > Self.limit { messages.removeFirst() }
        return message
    }

    /// The messages after the one with the id `cursor`; nil if there are none yet.
    func messages(after cursor: Int) -> [Message]? {
        let news = messages.drop { $0.id <= cursor }
        return news.isEmpty ? nil : Array(news)
    }
}

/// The rooms of the chat, by name. Handlers of all loops use them.
///
/// Each room's buffer is in an `AsyncMonitor`: a message that comes between a handler's look at the buffer and its wait is not
/// lost, whichever loop it comes from.
struct Rooms: Sendable {
    typealias Room = AsyncMonitor<MessageBuffer>

    /// The most rooms; and the most bytes of a room's name.
    static let limit = 100
    static let nameLimit = 40

    private let rooms = AsyncMonitor<[String: Room]>([:])

    /// Adds a message to a room, for those that wait for it and those that subscribe to the topic of that name.
    ///
    /// - Throws: as `room`.
    func add(_ body: String, to name: String) throws -> Message {
        try room(name).update { buffer in
            let message = buffer.add(body)
            // Within the update, so that subscribers get nearly all messages in the order of their ids.
            if let json = try? ApplicationSettings().encodeJSON(message) {
                WebSocketTopics.shared.publish(.text(String(decoding: json, as: UTF8.self)), to: name)
            }
            return message
        }
    }

    /// The room `name`, which is made if there is none yet.
    ///
    /// - Throws: a 400 if the name is too long, a 503 if there are too many rooms.
    func room(_ name: String) throws -> Room {
        guard (1...Self.nameLimit).contains(name.utf8.count) else { throw HTTPError(.badRequest) }
        return try rooms.update { rooms throws(HTTPError) in
            if let room = rooms[name] { return room }
            guard rooms.count < Self.limit else { throw HTTPError(.serviceUnavailable) }
            let room = Room(MessageBuffer())
            rooms[name] = room
            return room
        }
    }
}
