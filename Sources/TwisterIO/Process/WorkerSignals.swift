import Glibc

/// The signals for a whole server that may reach a worker while it starts: a service manager sends them to every process of the
/// server. They would end a worker that does not handle them yet.
enum WorkerSignals {
    /// Blocked in a new worker.
    static let blocked = [SIGHUP, SIGUSR1, SIGUSR2]

    /// Has these signals do nothing until the program handles them. Called early, on the worker's first thread, from which
    /// later threads inherit the mask.
    ///
    /// The signals are not set to be ignored, because programs that the worker starts would then ignore them, too.
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
