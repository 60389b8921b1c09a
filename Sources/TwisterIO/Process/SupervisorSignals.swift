import Glibc

/// The signals that a supervisor handles while it runs.
struct SupervisorSignals {
    private static let pipe = SignalPipe()

    private let earlier: [(signal: CInt, action: SignalAction)]

    init() throws(IOError) {
        // Also initialises the pipe, which a signal handler must not do.
        guard Self.pipe.isOpen else { throw IOError(errno: EMFILE, "make the pipe for signals") }
        _ = Self.pipe.takeArrived()
        var earlier: [(signal: CInt, action: SignalAction)] = []
        var mask = sigset_t()
        sigemptyset(&mask)
        for signal in [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD] {
            let action = try SignalAction.install(on: signal, flags: SA_NOCLDSTOP) {
                SupervisorSignals.pipe.arrived($0)
            }
            earlier.append((signal, action))
            sigaddset(&mask, signal)
        }
        self.earlier = earlier
        // The parent process may have blocked them, and the mask is inherited.
        pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    }

    /// Waits for a signal, or until one of the descriptors is readable.
    ///
    /// - Parameter timeout: in milliseconds; negative: no limit.
    func wait(timeout: CInt, also descriptors: [CInt]) { Self.pipe.wait(timeout: timeout, also: descriptors) }

    /// Returns the signals that have arrived, each once, without SIGCHLD.
    func takeRequests() -> [CInt] { Self.pipe.takeArrived().filter { $0 != SIGCHLD } }

    /// Restores the actions that were in force before.
    func restore() {
        for (signal, action) in earlier { action.restore(on: signal) }
    }
}
