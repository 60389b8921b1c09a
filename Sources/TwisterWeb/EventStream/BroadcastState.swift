import TwisterIO

/// A stream that gets the events of a broadcaster.
struct EventSubscription: Sendable {
    let number: Int
    /// Whether the client has missed events that are no longer known.
    let hasMissed: Bool
    /// Set when there is something new for a subscriber that waits.
    let news: AsyncEvent
}

/// The events of a broadcaster and the places of its subscribers, under its lock.
struct BroadcastState: Sendable {
    /// A stream that sends events.
    struct Subscriber: Sendable {
        /// The number of the last event that it has taken.
        var place: Int
        /// The number of the last event when the subscriber came: that it reads earlier ones does not mean that it is slow.
        let joined: Int
        let news: AsyncEvent
        let cut: @Sendable () -> Void
        var isWaiting = false
        var isCut = false

        /// How many events it lags behind.
        func lag(_ last: Int) -> Int { last - max(place, joined) }
    }

    /// The next step of a subscriber.
    enum Step: Sendable {
        case send([[UInt8]])
        case wait
        case end
    }

    /// How many bytes of output are handed over at once: enough for one packet, and few enough to be kept for each subscriber.
    private static let pieceSize = 16_384

    var log: EventLog
    var subscribers: [Int: Subscriber] = [:]
    private var lastNumber = 0
    var isFinished = false
    private(set) var dropped = 0
    private(set) var disconnected = 0

    init(log: EventLog) { self.log = log }

    mutating func add(
        at place: Int, hasMissed: Bool, _ cut: @escaping @Sendable () -> Void
    ) -> EventSubscription {
        lastNumber += 1
        let news = AsyncEvent()
        subscribers[lastNumber] = Subscriber(place: place, joined: log.last, news: news, cut: cut)
        return EventSubscription(number: lastNumber, hasMissed: hasMissed, news: news)
    }

    /// Adds an event, unless the broadcaster has finished.
    ///
    /// - Parameters:
    ///   - buffer: how many events a subscriber may lag behind before its connection is closed; nil: no connection is closed.
    ///   - make: makes the event's bytes of its number.
    /// - Returns: the subscribers to wake and the connections to close, once the lock is released.
    mutating func publish(
        key: String?, cuttingBehind buffer: Int?, _ make: (_ number: Int) -> [UInt8]
    ) -> (ready: [AsyncEvent], slow: [@Sendable () -> Void]) {
        if isFinished { return ([], []) }
        log.append(key: key, make)
        let slow = buffer.map { cutSlow(buffer: $0) } ?? []
        return (takeWaiting(), slow)
    }

    /// The subscribers that wait. The caller wakes them once it has released the lock.
    mutating func takeWaiting() -> [AsyncEvent] {
        var waiting: [AsyncEvent] = []
        for index in subscribers.values.indices where subscribers.values[index].isWaiting {
            subscribers.values[index].isWaiting = false
            waiting.append(subscribers.values[index].news)
        }
        return waiting
    }

    /// Functions that close the connections of subscribers that lag too far behind. The caller calls them once it has released
    /// the lock.
    private mutating func cutSlow(buffer: Int) -> [@Sendable () -> Void] {
        var cuts: [@Sendable () -> Void] = []
        for index in subscribers.values.indices {
            let subscriber = subscribers.values[index]
            guard !subscriber.isCut, subscriber.lag(log.last) > buffer || subscriber.place < log.lost else { continue }
            subscribers.values[index].isCut = true
            disconnected += 1
            cuts.append(subscriber.cut)
        }
        return cuts
    }

    /// - Parameter buffer: how many events the subscriber may lag behind before it loses the oldest ones; nil: it loses none.
    mutating func step(_ subscription: EventSubscription, droppingBehind buffer: Int?) -> Step {
        guard var subscriber = subscribers[subscription.number], !subscriber.isCut else { return .end }
        let before = subscriber.place
        if let buffer, subscriber.lag(log.last) > buffer { subscriber.place = log.last - buffer }
        let (events, reached) = log.events(after: subscriber.place, limit: Self.pieceSize)
        guard !events.isEmpty else {
            if isFinished { return .end }
            // Cleared under the lock: what is published from now on sets it again.
            subscriber.news.clear()
            subscriber.isWaiting = true
            subscribers[subscription.number] = subscriber
            return .wait
        }
        subscriber.place = reached
        dropped += reached - before - events.count
        subscribers[subscription.number] = subscriber
        return .send(events)
    }
}
