extension IOLoop {
    /// Calls `handler` on this loop's thread when the process gets `signal`. Signals that come faster than the loop turns
    /// are one call. Several loops may handle one signal, and one loop several times. On the loop's thread.
    ///
    /// The signal's earlier disposition is put back when its last handler is removed.
    ///
    /// - Throws: `IOError` with `EINVAL` for `SIGKILL`, `SIGSTOP` and what is no signal.
    ///
    /// Tornado: `signal.signal` with `IOLoop.add_callback_from_signal`.
    @discardableResult
    public func addSignalHandler(
        _ signal: CInt, _ handler: @escaping () throws -> Void
    ) throws(IOError) -> SignalRegistration {
        preconditionOnLoop()
        let registration = SignalRegistration(self, signal, id: signalHandlers.nextID)
        try SignalCenter.add(registration)
        signalHandlers.insert(registration, handler)
        return registration
    }

    /// Removes a handler, which is not called again, even for a signal that has come. Removed already: ignored. On the loop's
    /// thread.
    public func removeSignalHandler(_ registration: SignalRegistration) {
        preconditionOnLoop()
        guard signalHandlers.remove(registration.id) != nil else { return }
        SignalCenter.remove(registration)
    }

    /// The loop's end.
    func removeSignalHandlers() {
        for registration in signalHandlers.removeAll() { SignalCenter.remove(registration) }
    }
}

/// What a loop does at signals. The loop thread's own.
struct SignalHandlers {
    private var handlers: [UInt64: (registration: SignalRegistration, body: () throws -> Void)] = [:]
    private(set) var nextID: UInt64 = 1

    mutating func insert(_ registration: SignalRegistration, _ body: @escaping () throws -> Void) {
        handlers[registration.id] = (registration, body)
        nextID += 1
    }

    @discardableResult
    mutating func remove(_ id: UInt64) -> SignalRegistration? { handlers.removeValue(forKey: id)?.registration }

    mutating func removeAll() -> [SignalRegistration] {
        defer { handlers = [:] }
        return handlers.values.map(\.registration)
    }

    func call(_ id: UInt64) throws { try handlers[id]?.body() }
}
