import Glibc
import Synchronization

/// The signals that a supervisor listens to, through a pipe: a handler may run on any thread, at any moment.
struct SupervisorSignals {
    private static let handled = [SIGTERM, SIGINT, SIGCHLD]
    /// Numbers of the signals that came, one bit each.
    private static let pending = Atomic<UInt64>(0)
    private static let wakeup = Atomic<CInt>(-1)

    private let readEnd: CInt
    private let writeEnd: CInt
    private let previous: [(signal: CInt, action: sigaction)]

    init() throws(IOError) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw IOError(errno: errno, "pipe") }
        readEnd = ends[0]
        writeEnd = ends[1]
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        Self.pending.store(0, ordering: .releasing)
        Self.wakeup.store(writeEnd, ordering: .releasing)
        previous = Self.handled.map { signal in
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { signal in
                let saved = errno
                SupervisorSignals.came(signal)
                errno = saved
            }
            action.sa_flags = SA_RESTART | SA_NOCLDSTOP
            var old = sigaction()
            sigaction(signal, &action, &old)
            return (signal, old)
        }
        // Whoever started this process may have blocked them, and the mask is inherited.
        var mask = sigset_t()
        sigemptyset(&mask)
        for signal in Self.handled { sigaddset(&mask, signal) }
        pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    }

    /// In the handler: async-signal-safe calls only.
    private static func came(_ signal: CInt) {
        pending.bitwiseOr(1 << UInt64(signal & 63), ordering: .acquiringAndReleasing)
        var byte: UInt8 = 0
        write(wakeup.load(ordering: .acquiring), &byte, 1)
    }

    /// Waits for a signal; `timeout` in milliseconds, negative: for ever.
    func wait(timeout: CInt) {
        var wanted = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        guard poll(&wanted, 1, timeout) > 0 else { return }
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { room in
            while read(readEnd, room.baseAddress, room.count) > 0 {}
        }
    }

    /// The signals to end that came, once each.
    func take() -> [CInt] {
        let signals = Self.pending.exchange(0, ordering: .acquiringAndReleasing)
        return [SIGTERM, SIGINT].filter { signals & (1 << UInt64($0)) != 0 }
    }

    func restore() {
        for (signal, action) in previous {
            var action = action
            sigaction(signal, &action, nil)
        }
        Self.wakeup.store(-1, ordering: .releasing)
        close(readEnd)
        close(writeEnd)
    }
}
