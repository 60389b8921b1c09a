import Synchronization

/// A handler of a signal on a loop, for `IOLoop.removeSignalHandler`.
///
/// Sendable: `handler` is used on the loop's thread only, everything else is immutable or atomic.
public final class SignalRegistration: @unchecked Sendable {
    /// The signal's number.
    public let signal: CInt
    private let thread: any CallbackThread
    private let isScheduled = Atomic(false)
    /// Nil once the registration was removed.
    private var handler: (() throws -> Void)?

    init(_ thread: any CallbackThread, _ signal: CInt, _ handler: @escaping () throws -> Void) {
        self.thread = thread
        self.signal = signal
        self.handler = handler
    }

    /// Schedules one call of the handler for all signals that arrive before the call. May be called from any thread.
    func arrived() {
        guard !isScheduled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        thread.addCallback { [self] in
            // Reset before the call: a signal that arrives during it is reported again.
            isScheduled.store(false, ordering: .releasing)
            try handler?()
        }
    }

    /// Prevents further calls, and returns whether they were not prevented yet. On the loop's thread.
    func cancel() -> Bool { handler.take() != nil }
}

/// The signal handlers of one loop. Used on the loop's thread only.
struct SignalHandlers {
    private var registrations: [ObjectIdentifier: SignalRegistration] = [:]

    mutating func insert(_ registration: SignalRegistration) {
        registrations[ObjectIdentifier(registration)] = registration
    }

    /// Removes a handler, and returns whether it was there.
    mutating func remove(_ registration: SignalRegistration) -> Bool {
        registrations.removeValue(forKey: ObjectIdentifier(registration)) != nil && registration.cancel()
    }

    /// Removes and returns all of them.
    mutating func removeAll() -> [SignalRegistration] {
        defer { registrations = [:] }
        return registrations.values.filter { $0.cancel() }
    }
}
