import Glibc

/// A process that was started, until its exit status is collected. May be used from any thread.
final class ChildProcess: Sendable {
    private enum Phase: Sendable {
        /// `descriptor` is readable once the process has ended; nil where the kernel has no such descriptors.
        case running(descriptor: CInt?)
        case ended(ProcessExit)
    }
    private struct State: Sendable {
        var phase: Phase
        let waiters = WaiterList<ProcessExit>()
        var callback: (@Sendable (ProcessExit) -> Void)?
    }

    let process: pid_t
    private let monitor: Monitor<State>

    /// - Parameters:
    ///   - process: a child of this process that was not collected yet.
    ///   - opensDescriptor: false: as on a kernel that has no descriptors of processes.
    init(_ process: pid_t, opensDescriptor: Bool) {
        self.process = process
        let descriptor = opensDescriptor ? ProcessCalls.open(process) : -ENOSYS
        monitor = Monitor(State(phase: .running(descriptor: descriptor >= 0 ? descriptor : nil)))
    }

    /// How the process has ended; nil if that is not known yet.
    var exit: ProcessExit? {
        monitor.withLock { state in
            if case .ended(let exit) = state.phase { exit } else { nil }
        }
    }

    /// Readable once the process has ended; nil where there is no such descriptor, or if it was collected.
    var descriptor: CInt? {
        monitor.withLock { state in
            if case .running(let descriptor) = state.phase { descriptor } else { nil }
        }
    }

    /// Collects the exit status if the process has ended, and tells those who wait. Returns whether it has ended.
    func collect() -> Bool {
        let (exit, callback) = monitor.update { state, wakeups -> (ProcessExit?, (@Sendable (ProcessExit) -> Void)?) in
            guard case .running(let descriptor) = state.phase else { return (nil, nil) }
            let (result, status) = ProcessCalls.collect(process, descriptor ?? -1)
            guard result != 0 else { return (nil, nil) }
            let exit: ProcessExit = result < 0 ? .unknown : status < 0 ? .signal(-status) : .status(status)
            if let descriptor { close(descriptor) }
            state.phase = .ended(exit)
            state.waiters.serveAll(.success(exit), &wakeups)
            return (exit, state.callback.take())
        }
        if let exit, let callback { callback(exit) }
        return self.exit != nil
    }

    func waitForExit(timeout: Duration?) async throws -> ProcessExit {
        try await monitor.wait(timeout: timeout, on: IOLoop.currentIfAny) { state, waiter, _ in
            if case .ended(let exit) = state.phase { return .success(exit) }
            state.waiters.append(waiter)
            return nil
        }
    }

    /// `callback` is called once, on any thread; at once if the process has ended.
    func setExitCallback(_ callback: @escaping @Sendable (ProcessExit) -> Void) {
        let exit = monitor.withLock { state -> ProcessExit? in
            if case .ended(let exit) = state.phase { return exit }
            state.callback = callback
            return nil
        }
        if let exit { callback(exit) }
    }

    /// Sends a signal, unless the process has been collected. It is collected under the same lock, so that its number cannot
    /// be another process's meanwhile.
    func send(_ signal: CInt) throws(IOError) {
        let result = monitor.withLock { state -> CInt in
            guard case .running(let descriptor) = state.phase else { return 0 }
            return ProcessCalls.send(signal, to: process, descriptor ?? -1)
        }
        // ESRCH: it has ended, and another part of this process has collected it.
        guard result == 0 || result == -ESRCH else {
            throw IOError(errno: -result, "send signal \(signal) to \(process)")
        }
    }
}
