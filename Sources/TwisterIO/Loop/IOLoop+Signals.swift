extension IOLoop {
    /// Calls `handler` on this loop's thread when the process gets `signal`. Signals that arrive within one turn are one
    /// call. Several loops may handle the same signal, and one loop several times. On the loop's thread.
    ///
    /// The signal's earlier action is restored when its last handler is removed.
    ///
    /// - Throws: `IOError` with `EINVAL` for `SIGKILL`, `SIGSTOP` and numbers that are no signals.
    ///
    /// Tornado: `signal.signal` with `IOLoop.add_callback_from_signal`.
    @discardableResult
    public func addSignalHandler(
        _ signal: CInt, _ handler: @escaping () throws -> Void
    ) throws(IOError) -> SignalRegistration {
        preconditionOnLoop()
        let registration = SignalRegistration(self, signal, handler)
        try SignalCenter.add(registration)
        signalHandlers.insert(registration)
        return registration
    }

    /// Removes a handler, which is not called again, even for a signal that has arrived. A handler that was removed before is
    /// ignored. On the loop's thread.
    public func removeSignalHandler(_ registration: SignalRegistration) {
        preconditionOnLoop()
        if signalHandlers.remove(registration) { SignalCenter.remove(registration) }
    }

    /// Removes all handlers, when the loop is closed.
    func removeSignalHandlers() {
        for registration in signalHandlers.removeAll() { SignalCenter.remove(registration) }
    }
}
