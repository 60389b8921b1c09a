import TwisterIO

/// A loop with subscribers, and the messages that are on their way to it from other threads.
final class TopicLoop: Sendable {
    private let loop: IOLoop
    /// The bytes of the messages on their way.
    private let underWay = SharedCount()

    /// With this many bytes on their way, the loop gets no more messages.
    private static let limit = 64 << 20
    /// How many bytes a message takes beside its frame, about.
    private static let overhead = 256

    init(_ loop: IOLoop) { self.loop = loop }

    /// Has the loop's subscribers get the message. Returns false where the loop lags too far behind.
    func deliver(_ message: PublishedMessage, to topic: String, of topics: WebSocketTopics) -> Bool {
        guard underWay.current < Self.limit else { return false }
        underWay.add(message.frame.count + Self.overhead)
        loop.addCallback { [self] in TopicMembers.onLoop(loop).deliver(message, to: topic, of: topics) }
        return true
    }

    /// The loop's subscribers have got the message.
    func delivered(_ message: PublishedMessage) { underWay.add(-(message.frame.count + Self.overhead)) }

    /// Has a thread of the executor make the compressed frames of a long message, and the loop go on with it then.
    func compress(_ message: PublishedMessage, _ kinds: Set<PublishedMessage.CompressedKind>) {
        loop.spawnCallback { [self] in
            do {
                try await loop.runInExecutor { for kind in kinds { message.compress(kind) } }
            } catch {
                message.giveUpCompressing(kinds)
            }
            TopicMembers.onLoop(loop).compressed()
        }
    }
}
