public import FoundationEssentials
import TwisterIO

/// Sends each value that is published to every event stream that subscribes, whichever loop it is on. A value is encoded once.
///
///     let prices = EventBroadcaster<Price>(slowClients: .conflate(by: \.symbol))
///
///     URLSpec(.get, "/prices") { handler in EventStream(from: prices) }
///     try prices.publish(Price("TWST", 12.5))                     // from any thread
///
/// The latest events are kept in a ring, so that a page that connects again gets those that it has missed: the browser sends the
/// identifier of its last event, `Last-Event-ID`. The identifiers hold a random number of the broadcaster: those of an earlier
/// process are known as such, and all of the ring is sent.
///
/// Memory is bounded by the ring, whatever the clients do: each of them reads the one ring from a place of its own.
public final class EventBroadcaster<Value: Sendable>: Sendable {
    /// The first event for a client that has missed events which the ring no longer holds.
    let missedNotice: [UInt8]?
    private let replay: Int
    private let buffer: Int
    private let policy: SlowClientPolicy<Value>
    private let makeEvent: @Sendable (Value) throws -> ServerSentEvent
    /// Begins every identifier.
    private let epoch = String(UInt32.random(in: .min ... .max), radix: 36)
    private let state: ConditionLock<BroadcastState>

    /// - Parameters:
    ///   - replay: how many events a client that connects again can get. Default 256.
    ///   - buffer: how many events a client may lag behind before it counts as slow. Choose more than are ever published in one
    ///     go. Default 256. With `.conflate`: how many keys are kept.
    ///   - maxBytes: the most bytes of all events that are kept; the oldest ones go. Default 4 MiB.
    ///   - slowClients: what happens to clients that are slow. Default: they lose the oldest events.
    ///   - missed: the first event for a client that has missed events which are no longer kept, so that the page can load its
    ///     data anew. Default nil: there is none.
    ///   - event: makes the event for a value. The event's identifier is replaced by the broadcaster's own.
    /// - Throws: `EventStreamError` for a `missed` that cannot be sent.
    public convenience init(
        replay: Int = 256, buffer: Int = 256, maxBytes: ByteCount = .mebibytes(4),
        slowClients: SlowClientPolicy<Value> = .dropOldest, missed: ServerSentEvent? = nil,
        event: @escaping @Sendable (Value) throws -> ServerSentEvent
    ) throws(EventStreamError) {
        let notice = try missed?.encoded()
        self.init(replay, buffer, maxBytes, slowClients, notice, event)
    }

    private init(
        _ replay: Int, _ buffer: Int, _ maxBytes: ByteCount, _ slowClients: SlowClientPolicy<Value>,
        _ missedNotice: [UInt8]?, _ makeEvent: @escaping @Sendable (Value) throws -> ServerSentEvent
    ) {
        precondition(replay >= 0 && buffer >= 1, "an EventBroadcaster has replay >= 0 and buffer >= 1")
        self.replay = replay
        self.buffer = buffer
        policy = slowClients
        self.missedNotice = missedNotice
        self.makeEvent = makeEvent
        state = ConditionLock(
            BroadcastState(log: EventLog(capacity: max(replay, buffer), maxBytes: maxBytes.bytes)))
    }

    /// The same for values that are sent as JSON or, where they are texts, as they are.
    public convenience init(
        replay: Int = 256, buffer: Int = 256, maxBytes: ByteCount = .mebibytes(4),
        slowClients: SlowClientPolicy<Value> = .dropOldest,
        jsonEncoder: JSONEncoder? = nil
    ) where Value: Encodable {
        self.init(replay, buffer, maxBytes, slowClients, nil) { value in
            if let text = value as? String { return ServerSentEvent(text) }
            return ServerSentEvent(
                String(decoding: try JSONBodyEncoder.encode(value, with: jsonEncoder), as: UTF8.self))
        }
    }

    // MARK: Publishing

    /// Sends a value to all subscribers, and keeps it for those that connect again. Does not wait for clients. May be called from
    /// any thread; ignored after `finish`.
    ///
    /// - Throws: `EncodingError`, or what else makes no event of the value; `EventStreamError`.
    public func publish(_ value: Value) throws {
        var event = try makeEvent(value)
        event.id = nil
        let tail = try event.encoded()
        let key = policy.key(of: value)
        let told = state.withLock { state in
            state.publish(key: key, cuttingBehind: policy.disconnects ? buffer : nil) { number in
                Array("id: \(epoch)-\(number)\n".utf8) + tail
            }
        }
        for event in told.ready { event.set() }
        for cut in told.slow { cut() }
    }

    /// Ends all streams once they have sent what was published. May be called from any thread.
    public func finish() {
        let ready = state.withLock { state in
            state.isFinished = true
            return state.takeWaiting()
        }
        for event in ready { event.set() }
    }

    // MARK: Counts

    /// How many streams are subscribed now.
    public var subscribers: Int { state.withLock(\.subscribers.count) }
    /// How many events subscribers did not get so far, because they were slow: each is counted for each subscriber.
    public var dropped: Int { state.withLock(\.dropped) }
    /// How many connections were closed so far, because their clients were slow.
    public var disconnected: Int { state.withLock(\.disconnected) }

    // MARK: Subscribers

    /// - Parameters:
    ///   - id: the identifier of the client's last event; nil: only what is published from now on.
    ///   - cut: closes the connection; called on the publisher's thread.
    func subscribe(since id: String?, cut: @escaping @Sendable () -> Void) -> EventSubscription {
        state.withLock { state in
            let log = state.log
            var place = log.last
            var hasMissed = false
            if let id {
                let known = number(of: id).flatMap { $0 <= log.last ? $0 : nil }
                var oldest = log.lost
                // Conflated events have numbers far apart.
                if !policy.conflates || replay == 0 { oldest = max(oldest, log.last - replay) }
                hasMissed = known.map { $0 < oldest } ?? true
                place = max(known ?? 0, oldest)
            }
            return state.add(at: place, hasMissed: hasMissed, cut)
        }
    }

    private func number(of id: String) -> Int? {
        guard id.utf8.count < 64, id.hasPrefix(epoch + "-") else { return nil }
        return Int(id.dropFirst(epoch.count + 1)).flatMap { $0 >= 0 ? $0 : nil }
    }

    func unsubscribe(_ subscription: EventSubscription) {
        state.withLock { $0.subscribers[subscription.number] = nil }
    }

    /// The next events, after waiting for one; nil after `finish`, and where the client was too slow.
    func next(_ subscription: EventSubscription) async throws -> [[UInt8]]? {
        while true {
            let step = state.withLock { state in
                state.step(subscription, droppingBehind: policy.dropsOldest ? buffer : nil)
            }
            switch step {
            case .send(let events): return events
            case .wait: try await subscription.news.wait()
            case .end: return nil
            }
        }
    }
}
