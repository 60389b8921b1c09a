/// The time-out of one wait: a timer of a loop, or, for a task that runs on none, a sleeping task.
final class WaitTimer: Sendable {
    private enum Clock: Sendable {
        case loop(IOLoop, IOLoop.Timeout)
        case task(Task<Void, Never>)
    }
    private let clock: Clock

    /// - Parameter loop: nil: the calling thread's, if it has one. Another thread's loop is not asked to keep the time.
    init(_ loop: IOLoop?, _ timeout: Duration, _ body: @escaping @Sendable () -> Void) {
        let loop = loop ?? IOLoop.currentIfAny
        // A loop that does not run would not call back.
        if let loop, loop.isCurrentThread, loop.isRunning {
            clock = .loop(loop, loop.callLater(timeout, body))
        } else {
            clock = .task(
                Task.detached {
                    do {
                        try await Task.sleep(for: timeout)
                        body()
                    } catch {
                        // Cancelled: the wait ended in time.
                    }
                })
        }
    }

    /// Any thread: a task may go on elsewhere than where it began to wait.
    func cancel() {
        switch clock {
        case .loop(let loop, let timeout):
            if loop.isCurrentThread {
                loop.removeTimeout(timeout)
            } else {
                loop.addCallback { loop.removeTimeout(timeout) }
            }
        case .task(let task): task.cancel()
        }
    }
}
