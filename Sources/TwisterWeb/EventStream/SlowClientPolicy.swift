/// What happens to a client that takes events more slowly than an `EventBroadcaster` publishes them.
public enum SlowClientPolicy<Value: Sendable>: Sendable {
    /// The client loses the oldest events that it has not got. For news, of which only the latest matter.
    case dropOldest
    /// The client gets only the last event of each key. For values that change, such as prices: a client that connects again
    /// gets the present value of each key that has changed meanwhile.
    case conflate(by: @Sendable (Value) -> String)
    /// The connection is closed. The client connects again, and gets what it has missed as far as it is still known.
    case disconnect

    /// The key by which events replace earlier ones.
    func key(of value: Value) -> String? {
        if case .conflate(let key) = self { key(value) } else { nil }
    }

    var conflates: Bool {
        if case .conflate = self { true } else { false }
    }

    var disconnects: Bool {
        if case .disconnect = self { true } else { false }
    }

    var dropsOldest: Bool {
        if case .dropOldest = self { true } else { false }
    }
}
