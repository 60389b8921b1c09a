import Glibc
import Synchronization

/// Delivers the process's signals to the loops that registered for them.
///
/// A thread, which is started with the first registration and never ends, waits at the pipe and tells the registrations.
enum SignalCenter {
    private struct State: Sendable {
        var registrations: [CInt: [SignalRegistration]] = [:]
        /// The actions that were in force before ours, to be restored.
        var earlier: [CInt: SignalAction] = [:]
        var isRunning = false
    }
    private static let state = Mutex(State())
    private static let pipe = SignalPipe()

    static func add(_ registration: SignalRegistration) throws(IOError) {
        let signal = registration.signal
        guard (1...64).contains(signal) else { throw IOError(errno: EINVAL, "handle signal \(signal)") }
        try state.withLock { (state) throws(IOError) in
            try start(&state)
            if state.earlier[signal] == nil {
                state.earlier[signal] = try SignalAction.install(on: signal) { SignalCenter.pipe.arrived($0) }
            }
            state.registrations[signal, default: []].append(registration)
        }
    }

    static func remove(_ registration: SignalRegistration) {
        let signal = registration.signal
        state.withLock { state in
            state.registrations[signal]?.removeAll { $0 === registration }
            guard state.registrations[signal]?.isEmpty == true else { return }
            state.registrations[signal] = nil
            state.earlier.removeValue(forKey: signal)?.restore(on: signal)
        }
    }

    private static func start(_ state: inout State) throws(IOError) {
        guard !state.isRunning else { return }
        // Also initialises the pipe, which a signal handler must not do.
        guard pipe.isOpen else { throw IOError(errno: EMFILE, "make the pipe for signals") }
        try NativeThread.start(name: "twister-signals") {
            acceptSignals()
            deliver()
        }
        state.isRunning = true
    }

    /// The process may have been started with blocked signals, and other threads may block them: this one takes them all.
    private static func acceptSignals() {
        // The kernel keeps the wish for each thread by itself, and this one never ends.
        if Environment.taskID != nil { _ = Reactor.dieWithParent(SIGTERM) }
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
    }

    /// The body of the thread.
    private static func deliver() {
        while true {
            pipe.wait()
            for signal in pipe.takeArrived() {
                let registrations = state.withLock { $0.registrations[signal] ?? [] }
                for registration in registrations { registration.arrived() }
            }
        }
    }
}
