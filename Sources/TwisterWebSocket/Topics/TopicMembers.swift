import TwisterIO

/// Takes what is published, on one loop.
protocol TopicSubscriber: AnyObject {
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

    private var members: [Name: Members] = [:]
    private let loop: TopicLoop

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

    func deliver(_ message: PublishedMessage, to topic: String, of topics: WebSocketTopics) {
        guard let group = members[Name(topics: ObjectIdentifier(topics), topic: topic)] else { return }
        // A subscriber that is disconnected here stays in the list until its stream has closed, in a later turn.
        for subscription in group.all { subscription.subscriber.receive(message, by: topics) }
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
