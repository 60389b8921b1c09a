import TwisterIO
public import TwisterWeb

/// What happens to a slow subscriber: one that has more than 64 KiB to take, while more messages wait for it than the limit.
public enum SlowSubscriberPolicy: Sendable, Hashable {
    /// The subscriber loses the oldest messages that wait for it. For news, of which only the latest matter.
    case dropOldest
    /// A message replaces the one with the same key that still waits for the subscriber; beyond the limit, the subscriber loses
    /// the oldest messages. For values that change, such as prices.
    case conflate
    /// The subscriber's connection is closed. It connects again when it can.
    case disconnect
}

/// Topics, to which WebSockets subscribe and messages are published: from any thread, to subscribers on every loop. A message
/// is encoded once and compressed once, and all subscribers share its bytes.
///
/// Handlers use `WebSocketTopics.shared` unless they override `topics`.
public final class WebSocketTopics: Sendable {
    /// The topics of handlers that do not override `topics`. Slow subscribers lose the oldest messages.
    public static let shared = WebSocketTopics()

    /// What happens to slow subscribers.
    public let policy: SlowSubscriberPolicy
    /// How many messages may wait for a subscriber beside the 64 KiB that are being sent to it.
    public let limit: Int
    /// How many bytes of messages may wait for one. A single message may be longer.
    public let byteLimit: Int
    /// How many bytes the longest message has that is compressed.
    public let compressionLimit: Int
    let counters = TopicCounters()
    /// The loops that have subscribers, by topic.
    // Not a Mutex: the thread sanitizer does not know it.
    private let loops = ConditionLock<[String: [TopicLoop]]>([:])

    /// - Parameters:
    ///   - policy: what happens to slow subscribers. Default: they lose the oldest messages.
    ///   - limit: how many messages may wait for one subscriber. Default 256.
    ///   - byteLimit: how many bytes of messages may wait for one subscriber. Default 4 MiB.
    ///   - compressionLimit: how many bytes the longest message has that is compressed. Longer ones are sent as they are, because
    ///     a message for many is compressed in one turn of a loop: 64 KiB of text take some 6 ms. Default 64 KiB.
    public init(
        _ policy: SlowSubscriberPolicy = .dropOldest, limit: Int = 256, byteLimit: Int = 4 << 20,
        compressionLimit: Int = 64 << 10
    ) {
        self.policy = policy
        self.limit = max(limit, 1)
        self.byteLimit = max(byteLimit, 0)
        self.compressionLimit = max(compressionLimit, 0)
    }

    /// What happened so far.
    public var counts: WebSocketTopicCounts { counters.current }

    /// Sends a message to all subscribers of a topic, and waits for none of them. Messages of one thread arrive in the order in
    /// which they were published. A loop that lags behind by more than 64 MiB of messages loses the next ones for its
    /// subscribers, whatever the policy; they count as dropped.
    ///
    /// - Parameters:
    ///   - message: the message for all subscribers.
    ///   - topic: the topic's name; any text.
    ///   - key: with `.conflate`, the subject of the message: it replaces waiting messages with the same key. Nil: it replaces
    ///     none.
    public func publish(_ message: WebSocketMessage, to topic: String, key: String? = nil) {
        counters.published.add()
        let loops = loops.withLock { $0[topic] ?? [] }
        guard !loops.isEmpty else { return }
        let published = PublishedMessage(message, key: key, compressionLimit: compressionLimit, counters)
        for loop in loops where !loop.deliver(published, to: topic, of: self) { counters.dropped.add() }
    }

    /// The same with a value as JSON, in a text message. It is encoded once for all subscribers, as `writeMessage(json:)` does.
    ///
    /// - Parameters:
    ///   - value: the value to encode.
    ///   - topic: the topic's name; any text.
    ///   - key: with `.conflate`, the subject of the message.
    ///   - settings: the application's settings, for their `jsonEncoder`. Default: Twister's own encoder.
    /// - Throws: `EncodingError`, and what the value throws when it is encoded.
    public func publish(
        json value: some Encodable, to topic: String, key: String? = nil,
        settings: ApplicationSettings = ApplicationSettings()
    ) throws {
        publish(.text(String(decoding: try settings.encodeJSON(value), as: UTF8.self)), to: topic, key: key)
    }

    /// The loop has its first subscriber of the topic.
    func join(_ topic: String, _ loop: TopicLoop) { loops.withLock { $0[topic, default: []].append(loop) } }

    /// The loop has lost its last subscriber of the topic.
    func leave(_ topic: String, _ loop: TopicLoop) {
        loops.withLock { loops in
            loops[topic]?.removeAll { $0 === loop }
            if loops[topic]?.isEmpty == true { loops[topic] = nil }
        }
    }
}
