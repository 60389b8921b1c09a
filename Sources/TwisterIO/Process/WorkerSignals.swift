import Glibc

/// The signals for a whole server that may reach a worker at its start: a service manager sends them to every process of the
/// server. They would end one that does not handle them yet.
enum WorkerSignals {
    /// Blocked in a new worker.
    static let blocked = [SIGHUP, SIGUSR1, SIGUSR2]

    /// From here on they do nothing, until the program handles them. Called early, on the worker's first thread, from which later
    /// ones inherit the mask.
    ///
    /// They are not ignored, since programs that the worker starts would ignore them, too.
    static func accept() {
        var mask = sigset_t()
        sigemptyset(&mask)
        for signal in blocked {
            sigaddset(&mask, signal)
            if hasDefaultAction(signal) { _ = try? SignalAction.install(on: signal) { _ in } }
        }
        pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    }

    private static func hasDefaultAction(_ signal: CInt) -> Bool {
        var action = sigaction()
        return sigaction(signal, nil, &action) == 0 && unsafeBitCast(action.__sigaction_handler, to: Int.self) == 0
    }
}
