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
        let size = message.frame.count + Self.overhead
        underWay.add(size)
        loop.addCallback { [self] in
            underWay.add(-size)
            TopicMembers.onLoop(loop).deliver(message, to: topic, of: topics)
        }
        return true
    }
}
