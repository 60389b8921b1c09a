import Glibc

/// A thread of the operating system.
enum NativeThread {
    /// Starts a detached thread that runs `body`.
    ///
    /// - Parameters:
    ///   - name: for top(1) and `/proc/PID/task/*/comm`; 15 bytes are shown.
    ///   - blocksSignals: whether signal handlers never run on this thread, so that its system calls are not interrupted.
    static func start(
        name: String, blocksSignals: Bool = false, _ body: @escaping @Sendable () -> Void
    ) throws(IOError) {
        pthread_detach(try startJoinable(name: name, blocksSignals: blocksSignals, body))
    }

    /// The same for a thread whose end somebody waits for by pthread_join(3).
    static func startJoinable(
        name: String, blocksSignals: Bool = false, _ body: @escaping @Sendable () -> Void
    ) throws(IOError) -> pthread_t {
        let body = Body {
            setName(name)
            if blocksSignals { blockSignals() }
            body()
        }
        var thread = pthread_t()
        // pthread_create passes one pointer, which carries the reference to the new thread.
        let pointer = Unmanaged.passRetained(body)
        let result = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, pointer.toOpaque())
        guard result == 0 else {
            pointer.release()
            throw IOError(errno: result, "start thread \(name)")
        }
        return thread
    }

    /// The kernel's number of the calling thread (gettid(2)).
    static var currentNumber: CInt { Reactor.threadNumber }

    private static func setName(_ name: String) {
        let fd = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard fd >= 0 else { return }
        _ = name.withCString { write(fd, $0, strlen($0)) }
        close(fd)
    }

    /// Blocks all signals but those that report an error of the thread itself.
    private static func blockSignals() {
        var signals = sigset_t()
        sigfillset(&signals)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&signals, fault) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }
}
