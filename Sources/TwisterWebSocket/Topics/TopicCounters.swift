import TwisterIO

/// What happened to the messages of topics, in numbers that only grow.
public struct WebSocketTopicCounts: Sendable, Hashable {
    /// Messages that were published.
    public var published = 0
    /// Messages that were made into frames: at most one each, however many subscribers get it.
    public var encoded = 0
    /// Messages that were compressed, once for each set of parameters that subscribers have.
    public var compressed = 0
    /// Frames that were given to subscribers.
    public var delivered = 0
    /// Frames that slow subscribers have lost.
    public var dropped = 0
    /// Frames that were replaced by later ones with the same key.
    public var conflated = 0
    /// Subscribers that were disconnected because they were slow.
    public var disconnected = 0
}

/// The numbers of one set of topics.
final class TopicCounters: Sendable {
    let published = SharedCount()
    let encoded = SharedCount()
    let compressed = SharedCount()
    let delivered = SharedCount()
    let dropped = SharedCount()
    let conflated = SharedCount()
    let disconnected = SharedCount()

    var current: WebSocketTopicCounts {
        WebSocketTopicCounts(
            published: published.current, encoded: encoded.current, compressed: compressed.current,
            delivered: delivered.current, dropped: dropped.current, conflated: conflated.current,
            disconnected: disconnected.current)
    }
}
