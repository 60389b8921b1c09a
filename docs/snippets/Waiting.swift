import Twister

struct Message: Codable, Sendable {
    let id: Int
    let text: String
}

/// The last messages. The number is limited, since clients decide how many come.
struct Messages: Sendable {
    private var latest: [Message] = []

    mutating func add(_ text: String) -> Message {
        let message = Message(id: (latest.last?.id ?? 0) + 1, text: text)
        latest = latest.suffix(99) + [message]
        return message
    }

    /// Nil if there are none.
    func after(_ id: Int) -> [Message]? {
        let news = latest.filter { $0.id > id }
        return news.isEmpty ? nil : news
    }
}

func makeChat() throws -> Application {
    let messages = AsyncMonitor(Messages())
    return try Application([
        URLSpec(.post, "/messages") { handler in
            let text = try handler.getBodyArgument("text")
            return messages.update { $0.add(text) }
        },
        // The response waits for a message, and is an empty list after half a minute.
        URLSpec(.get, "/messages") { handler in
            let last = try handler.getArgument("after", as: Int.self, default: 0)
            return try await handler.longPoll(messages, default: []) { $0.after(last) }
        },
    ])
}
