import Glibc
import Synchronization

/// Signals of the process, brought to the loops that asked for them.
///
/// A signal handler may do next to nothing, so it sets a bit and writes to a pipe. A thread that sleeps at the pipe,
/// and exists from the first registration on, tells the loops. A storm of signals collapses: in the pipe, which takes no
/// more when it is full, in the bit, and in each registration, which is in its loop's inbox once at most.
enum SignalCenter {
    private struct State: Sendable {
        var registrations: [CInt: [SignalRegistration]] = [:]
        /// What was there before us, to be put back.
        var earlier: [CInt: SignalAction] = [:]
        var isRunning = false
    }
    private static let state = Mutex(State())
    /// Bit n-1: signal n has come.
    private static let pending = Atomic<UInt64>(0)
    private static let selfPipe = makePipe()

    static func add(_ registration: SignalRegistration) throws(IOError) {
        let signal = registration.signal
        guard (1...64).contains(signal) else { throw IOError(errno: EINVAL, "handle signal \(signal)") }
        try state.withLock { (state) throws(IOError) in
            try start(&state)
            if state.earlier[signal] == nil { state.earlier[signal] = try SignalAction.install(on: signal, arrived) }
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

    private static func makePipe() -> (reading: CInt, writing: CInt) {
        var ends: [CInt] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { return (-1, -1) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // A signal handler must not wait for the reader.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }

    private static func start(_ state: inout State) throws(IOError) {
        guard !state.isRunning else { return }
        guard selfPipe.reading >= 0 else { throw IOError(errno: EMFILE, "make the pipe for signals") }
        // Once before it is a signal handler: nothing may be initialised in there.
        arrived(1)
        pending.store(0, ordering: .releasing)
        try NativeThread.start(name: "twister-signals", blocksSignals: true) { deliver() }
        state.isRunning = true
    }

    /// The signal handler. Async-signal-safe: an atomic operation and a write(2), with errno left as it was.
    private static let arrived: @convention(c) (CInt) -> Void = { signal in
        let error = errno
        pending.bitwiseOr(1 << UInt64(truncatingIfNeeded: signal &- 1), ordering: .acquiringAndReleasing)
        var byte: UInt8 = 0
        _ = write(selfPipe.writing, &byte, 1)
        errno = error
    }

    /// The thread: sleeps until a signal comes.
    private static func deliver() {
        let size = 512
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 1)
        while true {
            guard read(selfPipe.reading, buffer, size) > 0 else { continue }
            let bits = pending.exchange(0, ordering: .acquiringAndReleasing)
            for signal in 1...CInt(64) where bits & (1 << UInt64(signal - 1)) != 0 {
                let registrations = state.withLock { $0.registrations[signal] ?? [] }
                for registration in registrations { registration.arrived() }
            }
        }
    }
}
