/// A message for the user that the next page shows, once: "Saved." after a form was sent and the browser redirected.
public struct Flash: Codable, Sendable, Hashable {
    /// The message, as plain text.
    public let message: String
    /// A word for how it is shown. Default `info`.
    public let category: String

    public init(_ message: String, category: String = "info") {
        self.message = message
        self.category = category
    }
}

extension RequestHandler {
    private static let flashes = "_flashes"
    /// The most messages that wait. Pages that never show any must not let the session grow.
    private static let mostFlashes = 20

    /// Leaves a message in the session for the next page that takes the messages. At most 20 wait: older ones are dropped.
    public final func flash(_ message: String, category: String = "info") {
        let waiting = session[Self.flashes, as: [Flash].self] ?? []
        session[Self.flashes, as: [Flash].self] =
            waiting.suffix(Self.mostFlashes - 1) + [Flash(message, category: category)]
    }

    /// The messages that wait, which are then gone. Templates have them as `{{#flashes}}{{category}}: {{message}}{{/flashes}}`.
    public final func takeFlashes() -> [Flash] {
        guard let waiting = session[Self.flashes, as: [Flash].self] else { return [] }
        session[Self.flashes, as: [Flash].self] = nil
        return waiting
    }
}
