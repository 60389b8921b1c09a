import TwisterIO

/// Takes what is published, on one loop.
protocol TopicSubscriber: AnyObject {
    /// What the subscriber's messages are compressed with; nil: nothing.
    var compression: MessageCompression? { get }

    func receive(_ message: PublishedMessage, by topics: WebSocketTopics)
}

/// The subscribers of topics on one loop.
final class TopicMembers {
    /// A topic of one set of topics.
    private struct Name: Hashable {
        let topics: ObjectIdentifier
        let topic: String
    }

    /// The subscribers of one topic.
    private final class Members {
        var all: ContiguousArray<Subscription> = []
    }

    /// A message for the subscribers of one topic.
    private struct Delivery {
        let message: PublishedMessage
        let name: Name
        let topics: WebSocketTopics
    }

    private var members: [Name: Members] = [:]
    private let loop: TopicLoop
    /// A long message that is being compressed.
    private var compressing: Delivery?
    /// The messages that were published after it.
    private var waiting = FIFO<Delivery>()

    private init(_ loop: IOLoop) { self.loop = TopicLoop(loop) }

    static func onLoop(_ loop: IOLoop) -> TopicMembers { loop.local { TopicMembers(loop) } }

    /// Adds a subscriber. The subscription must be ended before the subscriber is released.
    func subscribe(_ subscriber: any TopicSubscriber, to topic: String, of topics: WebSocketTopics) -> Subscription {
        let name = Name(topics: ObjectIdentifier(topics), topic: topic)
        let known = members[name]
        let group = known ?? Members()
        if known == nil {
            members[name] = group
            topics.join(topic, loop)
        }
        let subscription = Subscription(subscriber, topic, topics)
        subscription.index = group.all.count
        group.all.append(subscription)
        return subscription
    }

    func unsubscribe(_ subscription: Subscription) {
        let name = Name(topics: ObjectIdentifier(subscription.topics), topic: subscription.topic)
        guard let group = members[name], subscription.index < group.all.count,
            group.all[subscription.index] === subscription
        else { return }
        // The last one takes the free place.
        let last = group.all.removeLast()
        if last !== subscription {
            group.all[subscription.index] = last
            last.index = subscription.index
        }
        guard group.all.isEmpty else { return }
        members[name] = nil
        subscription.topics.leave(subscription.topic, loop)
    }

    /// Gives the message to the subscribers, after those that were published before.
    func deliver(_ message: PublishedMessage, to topic: String, of topics: WebSocketTopics) {
        let name = Name(topics: ObjectIdentifier(topics), topic: topic)
        let delivery = Delivery(message: message, name: name, topics: topics)
        if compressing == nil { give(delivery) } else { waiting.append(delivery) }
    }

    /// Goes on with the message that was being compressed, and those after it.
    func compressed() {
        guard let delivery = compressing.take() else { return }
        give(delivery)
        while compressing == nil, let next = waiting.popFirst() { give(next) }
    }

    /// Gives the message to the subscribers, or has it compressed before.
    private func give(_ delivery: Delivery) {
        let message = delivery.message
        let subscriptions = members[delivery.name]?.all ?? []
        let unready = message.isLong ? subscriptions : []
        let missing = Set(unready.compactMap { message.missingKind(for: $0.subscriber.compression) })
        guard missing.isEmpty else {
            compressing = delivery
            return loop.compress(message, missing)
        }
        loop.delivered(message)
        // A subscriber that is disconnected here stays in the list until its stream has closed, in a later turn.
        for subscription in subscriptions { subscription.subscriber.receive(message, by: delivery.topics) }
    }
}

/// One subscriber's subscription to one topic.
final class Subscription {
    unowned let subscriber: any TopicSubscriber
    let topic: String
    let topics: WebSocketTopics
    /// Its place among the subscribers of the topic.
    fileprivate(set) var index = 0

    init(_ subscriber: any TopicSubscriber, _ topic: String, _ topics: WebSocketTopics) {
        self.subscriber = subscriber
        self.topic = topic
        self.topics = topics
    }
}
