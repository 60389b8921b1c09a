import Synchronization

/// A handler of a signal on a loop, for `IOLoop.removeSignalHandler`.
public final class SignalRegistration: Sendable {
    /// The signal's number.
    public let signal: CInt
    let id: UInt64
    private let loop: IOLoop
    private let isUnderWay = Atomic(false)

    init(_ loop: IOLoop, _ signal: CInt, id: UInt64) {
        self.loop = loop
        self.signal = signal
        self.id = id
    }

    /// Has the loop call the handler, once for all signals that come until it does. Any thread.
    func arrived() {
        guard !isUnderWay.exchange(true, ordering: .acquiringAndReleasing) else { return }
        loop.addCallback { [self] in
            // Before the handler: a signal that comes while it runs is told again.
            isUnderWay.store(false, ordering: .releasing)
            try loop.signalHandlers.call(id)
        }
    }
}
