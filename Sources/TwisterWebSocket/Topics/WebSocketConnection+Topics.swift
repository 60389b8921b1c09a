import Logging
import TwisterHTTP
import TwisterIO
import TwisterWeb

/// The subscriptions of one connection, and the messages that wait for it. Only subscribers have one.
final class Subscriptions {
    var all: [String: Subscription] = [:]
    /// Messages that wait until the peer takes what was sent before.
    private(set) var waiting: [PublishedMessage] = []
    /// The bytes of their frames.
    private(set) var bytes = 0
    /// The topics that the waiting messages belong to.
    var topicsOfWaiting: WebSocketTopics?

    func append(_ message: PublishedMessage) {
        waiting.append(message)
        bytes += message.frame.count
    }

    func removeFirst() -> PublishedMessage? {
        guard !waiting.isEmpty else { return nil }
        let first = waiting.removeFirst()
        bytes -= first.frame.count
        if waiting.isEmpty { waiting = [] }
        return first
    }

    /// Removes the message with that key. Returns whether there was one.
    func remove(key: String) -> Bool {
        guard let place = waiting.firstIndex(where: { $0.key == key }) else { return false }
        bytes -= waiting.remove(at: place).frame.count
        return true
    }
}

extension WebSocketConnection: TopicSubscriber {
    func subscribe(to topic: String, of topics: WebSocketTopics) {
        guard phase == .open || phase == .closeSent else { return }
        let subscriptions = madeSubscriptions
        guard subscriptions.all[topic] == nil else { return }
        subscriptions.all[topic] = TopicMembers.onLoop(stream.loop).subscribe(self, to: topic, of: topics)
    }

    func unsubscribe(from topic: String) {
        guard let subscription = rare?.subscriptions?.all.removeValue(forKey: topic) else { return }
        TopicMembers.onLoop(stream.loop).unsubscribe(subscription)
    }

    /// The connection is closed.
    func unsubscribeFromAll() {
        guard let subscriptions = rare?.subscriptions else { return }
        for subscription in subscriptions.all.values { TopicMembers.onLoop(stream.loop).unsubscribe(subscription) }
        rare?.subscriptions = nil
    }

    private var madeSubscriptions: Subscriptions {
        if let known = rare?.subscriptions { return known }
        let made = Subscriptions()
        madeRare().subscriptions = made
        return made
    }

    func receive(_ message: PublishedMessage, by topics: WebSocketTopics) {
        guard phase == .open else { return }
        guard let subscriptions = rare?.subscriptions, isBehind(subscriptions) else {
            return sendPublished(message, topics)
        }
        keep(message, subscriptions, topics)
    }

    /// Whether something has to be sent before a published message.
    private func isBehind(_ subscriptions: Subscriptions) -> Bool {
        stream.isOverHighWatermark || !subscriptions.waiting.isEmpty || rare?.isSendingMessage == true
    }

    private func sendPublished(_ message: PublishedMessage, _ topics: WebSocketTopics) {
        let frame = message.frame(for: compression)
        stream.enqueue(frame.bytes)
        if frame.isCompressed { compression?.forgetSent() }
        topics.counters.delivered.add()
        noteOutput()
    }

    /// Keeps a message for a subscriber that is behind, as the policy has it.
    private func keep(_ message: PublishedMessage, _ subscriptions: Subscriptions, _ topics: WebSocketTopics) {
        // The later one keeps its place in the order of what is published.
        if topics.policy == .conflate, let key = message.key, subscriptions.remove(key: key) {
            topics.counters.conflated.add()
        }
        while subscriptions.waiting.count >= topics.limit
            || subscriptions.bytes + message.frame.count > topics.byteLimit && !subscriptions.waiting.isEmpty
        {
            if topics.policy == .disconnect {
                topics.counters.disconnected.add()
                // A close frame would wait behind the output that the peer does not take.
                phase = .ending
                return stream.reset()
            }
            topics.counters.dropped.add()
            _ = subscriptions.removeFirst()
        }
        subscriptions.append(message)
        subscriptions.topicsOfWaiting = topics
    }

    /// The peer has taken enough: sends what waits.
    func sendWaiting() {
        guard phase == .open, let subscriptions = rare?.subscriptions, let topics = subscriptions.topicsOfWaiting else {
            return
        }
        while !stream.isOverHighWatermark, rare?.isSendingMessage != true, let message = subscriptions.removeFirst() {
            sendPublished(message, topics)
        }
    }
}

extension WebSocketHandler {
    /// Sends the handler what is published to a topic, until `unsubscribe` or the end of the connection. Call it in `open` or
    /// later. A second subscription to the same topic is ignored.
    public final func subscribe(_ topic: String) {
        checkThread("WebSocketHandler.subscribe")
        guard let socket else {
            if closeCode == nil, !isFinished {
                logger.error("subscribe(\(topic)) is called before the handshake: call it in open()")
            }
            return
        }
        socket.subscribe(to: topic, of: topics)
    }

    /// Sends the handler nothing more of a topic.
    public final func unsubscribe(_ topic: String) {
        checkThread("WebSocketHandler.unsubscribe")
        socket?.unsubscribe(from: topic)
    }

    /// The topics that the handler subscribes to.
    public final var subscribedTopics: Set<String> {
        checkThread("WebSocketHandler.subscribedTopics")
        return Set((socket?.rare?.subscriptions?.all ?? [:]).keys)
    }

    /// Sends a message to all subscribers of a topic, this handler among them where it is one; see `WebSocketTopics.publish`.
    public final func publish(_ message: WebSocketMessage, to topic: String, key: String? = nil) {
        topics.publish(message, to: topic, key: key)
    }

    /// Sends text to all subscribers of a topic.
    public final func publish(_ text: String, to topic: String, key: String? = nil) {
        topics.publish(.text(text), to: topic, key: key)
    }

    /// Sends a value as JSON to all subscribers of a topic, by the encoder of the setting `jsonEncoder`.
    ///
    /// - Throws: `EncodingError`.
    public final func publish(json value: some Encodable, to topic: String, key: String? = nil) throws {
        let json = try application.settings.encodeJSON(value)
        topics.publish(.text(String(decoding: json, as: UTF8.self)), to: topic, key: key)
    }
}
