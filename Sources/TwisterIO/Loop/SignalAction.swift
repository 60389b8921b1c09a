import Glibc

/// What the process does at a signal.
struct SignalAction: @unchecked Sendable {
    private let action: sigaction

    /// Sets `handler`, and answers what was there before. System calls that it interrupts go on (SA_RESTART).
    static func install(
        on signal: CInt, _ handler: @escaping @convention(c) (CInt) -> Void
    ) throws(IOError) -> SignalAction {
        var new = sigaction()
        new.__sigaction_handler.sa_handler = handler
        new.sa_flags = CInt(SA_RESTART)
        sigfillset(&new.sa_mask)
        var old = sigaction()
        guard sigaction(signal, &new, &old) == 0 else { throw IOError(errno: errno, "handle signal \(signal)") }
        return SignalAction(action: old)
    }

    func restore(on signal: CInt) {
        var action = action
        sigaction(signal, &action, nil)
    }
}
