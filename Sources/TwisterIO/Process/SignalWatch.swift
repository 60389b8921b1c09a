import Glibc

/// Calls back for each signal that the process gets, on a thread of its own, which no handler can block.
package final class SignalWatch: Sendable {
    private let registrations: [SignalRegistration]

    /// Whether the process ignores the signal.
    package static func isIgnored(_ signal: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// - Throws: `IOError` where a signal cannot be handled.
    package init(_ signals: [CInt], _ body: @escaping @Sendable (CInt) -> Void) throws(IOError) {
        var registrations: [SignalRegistration] = []
        for signal in signals {
            let registration = SignalRegistration(SignalThread(), signal) { body(signal) }
            do throws(IOError) {
                try SignalCenter.add(registration)
            } catch {
                for added in registrations { SignalCenter.remove(added) }
                throw error
            }
            registrations.append(registration)
        }
        self.registrations = registrations
    }

    /// Restores the actions that were in force before.
    package func end() {
        for registration in registrations { SignalCenter.remove(registration) }
    }

    /// The thread that delivers signals runs the callback at once.
    private final class SignalThread: CallbackThread {
        var isCurrentThread: Bool { true }
        func addCallback(_ callback: @escaping @Sendable () throws -> Void) { try? callback() }
    }
}
