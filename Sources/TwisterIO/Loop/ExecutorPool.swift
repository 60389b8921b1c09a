import Glibc

/// A pool of threads for work that blocks, such as file access, name look-ups and blocking libraries. Such work must never
/// run on a loop's own thread.
///
/// A thread is started when work finds no idle one, up to `size` threads, and then stays. Further work waits in a queue of up
/// to `queueLimit` entries. May be used from any thread, and shared by several loops.
///
/// Tornado: `concurrent.futures.ThreadPoolExecutor`.
public final class ExecutorPool: Sendable {
    private struct State {
        var queue = WorkList()
        var threads = 0
        /// Threads that run no work, including those that are being started.
        var idle = 0
        var isShutDown = false
    }
    private let state = ConditionLock(State())

    /// The most threads that it starts.
    public let size: Int
    /// The most work that waits for a thread.
    public let queueLimit: Int
    private let name: String

    /// The number of cores plus four, at most 32.
    public static var defaultSize: Int { min(32, sysconf(CInt(_SC_NPROCESSORS_ONLN)) + 4) }

    /// - Parameters:
    ///   - size: the most threads, 1 or more; nil: `defaultSize`.
    ///   - queueLimit: the most work that waits for a thread. Default 10,000.
    ///   - name: the beginning of the threads' names, which end with a number.
    public init(size: Int? = nil, queueLimit: Int = 10_000, name: String = "twister-exec") {
        precondition(size ?? 1 >= 1, "an executor has at least one thread")
        precondition(queueLimit >= 0, "an executor's queue limit is not negative")
        self.size = size ?? Self.defaultSize
        self.queueLimit = queueLimit
        self.name = name
    }

    /// The number of threads that were started.
    public var threadCount: Int { state.withLock(\.threads) }

    /// The amount of work that waits for a thread.
    public var queuedCount: Int { state.withLock(\.queue.count) }

    // MARK: Work

    /// Runs `work` on one of the threads. The caller then continues on its own executor: a loop's task on its loop.
    ///
    /// If the caller is cancelled, work that has not begun is dropped. Work that has begun is waited for, because it uses the
    /// objects that it was given; it can check `isCurrentWorkCancelled` to end early.
    ///
    /// - Throws: the error that `work` throws; `ExecutorError`; `CancellationError` if it was cancelled before it began.
    public func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        let item = WorkItem()
        // The result is handed over under a lock: the thread sanitizer does not know how the runtime hands one over.
        let outcome = ConditionLock<Result<Value, any Error>>(.failure(CancellationError()))
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                item.run = {
                    let result = Result { try work() }
                    outcome.withLock { $0 = result }
                    continuation.resume()
                }
                item.drop = { continuation.resume(throwing: $0) }
                submit(item)
            }
        } onCancel: {
            if let drop = state.withLock({ $0.queue.cancel(item) }) { drop(CancellationError()) }
        }
        return try outcome.withLock { $0 }.get()
    }

    /// Whether the task that waits for the current work of a pool was cancelled; false outside of such work.
    public static var isCurrentWorkCancelled: Bool { WorkItem.current?.isCancelled ?? false }

    /// Ends the current work of a pool if the task that waits for it was cancelled.
    ///
    /// - Throws: `CancellationError` in that case.
    public static func checkCancellation() throws {
        if isCurrentWorkCancelled { throw CancellationError() }
    }

    private enum Admission { case queued, startThread(Int), refused(any Error) }

    private func submit(_ item: WorkItem) {
        let admission: Admission = state.withLock { state in
            if item.isCancelled { return .refused(CancellationError()) }
            if state.isShutDown { return .refused(ExecutorError.shutDown) }
            let startsThread = state.idle <= state.queue.count && state.threads < size
            let waiting = state.queue.count - state.idle
            if !startsThread, waiting >= queueLimit { return .refused(ExecutorError.queueFull(limit: queueLimit)) }
            state.queue.append(item)
            guard startsThread else { return .queued }
            state.threads += 1
            state.idle += 1
            return .startThread(state.threads)
        }
        switch admission {
        case .queued: state.signal()
        case .startThread(let number): startThread(number)
        case .refused(let error): item.takeDrop()?(error)
        }
    }

    // MARK: Threads

    private func startThread(_ number: Int) {
        do throws(IOError) {
            try NativeThread.start(name: "\(name)-\(number)", blocksSignals: true) { [self] in work() }
        } catch {
            // The work waits for the other threads; if there are none, it is refused.
            let refused = state.withLock { state in
                state.threads -= 1
                state.idle -= 1
                return state.threads == 0 ? state.queue.removeAll() : []
            }
            for drop in refused { drop(ExecutorError.noThread(error)) }
        }
    }

    private func work() {
        while let item = nextItem() {
            WorkItem.current = item
            item.takeRun()?()
            WorkItem.current = nil
            state.withLock { $0.idle += 1 }
        }
    }

    /// Waits for work; returns nil after the shutdown.
    private func nextItem() -> WorkItem? {
        state.wait { state -> WorkItem?? in
            if let item = state.queue.popFirst() {
                state.idle -= 1
                return item
            }
            guard state.isShutDown else { return nil }
            state.idle -= 1
            state.threads -= 1
            return .some(nil)
        }
    }

    /// Refuses new work and drops the work that waits for a thread. Work that runs goes on to its end, but is not waited for.
    /// Idempotent.
    ///
    /// Tornado: `Executor.shutdown(wait=False)`.
    public func shutDown() { shutDown(finishing: false) }

    /// - Parameter finishing: whether the work that waits for a thread is still run.
    func shutDown(finishing: Bool) {
        let dropped = state.withLock { state in
            state.isShutDown = true
            return finishing ? [] : state.queue.removeAll()
        }
        state.broadcast()
        for drop in dropped { drop(ExecutorError.shutDown) }
    }
}

/// Why an `ExecutorPool` refuses work.
public enum ExecutorError: Error, CustomStringConvertible, Sendable {
    /// `queueLimit` entries wait for a thread already.
    case queueFull(limit: Int)
    /// The pool was shut down, perhaps together with the loop that it belonged to.
    case shutDown
    /// No thread could be started.
    case noThread(IOError)

    public var description: String {
        switch self {
        case .queueFull(let limit): "the executor's queue is full: \(limit) wait for a thread"
        case .shutDown: "the executor is shut down"
        case .noThread(let error): "the executor has no thread: \(error)"
        }
    }
}
