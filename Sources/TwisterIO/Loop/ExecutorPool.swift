import Glibc

/// Threads for work that blocks: file access, name look-ups, libraries that wait. A loop must never do such work itself.
///
/// Threads are started when there is work for them, up to `size`, and then stay; more work than threads waits in line, up
/// to `queueLimit`. May be used from any thread, and shared by several loops.
///
/// Tornado: `concurrent.futures.ThreadPoolExecutor`.
public final class ExecutorPool: Sendable {
    private struct State {
        var queue = WorkList()
        var threads = 0
        /// Threads that run nothing, those included that are just being started.
        var idle = 0
        var isShutDown = false
    }
    private let state = ConditionLock(State())

    /// How many threads it starts at most.
    public let size: Int
    /// How much work waits for a thread at most.
    public let queueLimit: Int
    private let name: String

    /// Four more threads than cores, 32 at most.
    public static var defaultSize: Int { min(32, sysconf(CInt(_SC_NPROCESSORS_ONLN)) + 4) }

    /// - Parameters:
    ///   - size: threads at most, 1 or more; nil: `defaultSize`.
    ///   - queueLimit: how much work waits for a thread at most. Default 10,000.
    ///   - name: what the threads are called, with a number after it.
    public init(size: Int? = nil, queueLimit: Int = 10_000, name: String = "twister-exec") {
        precondition(size ?? 1 >= 1, "an executor has at least one thread")
        precondition(queueLimit >= 0, "an executor's queue limit is not negative")
        self.size = size ?? Self.defaultSize
        self.queueLimit = queueLimit
        self.name = name
    }

    /// Threads that were started. Work that waits for a thread is not counted.
    public var threadCount: Int { state.withLock(\.threads) }

    /// Work that waits for a thread.
    public var queuedCount: Int { state.withLock(\.queue.count) }

    // MARK: Work

    /// Runs `work` on one of the threads; the caller goes on on its own executor, a loop's task on its loop.
    ///
    /// Where the caller is cancelled, work that has not begun is dropped. Work that has begun is waited for, because what it
    /// touches is in use until then; it can look at `isCurrentWorkCancelled` to end early.
    ///
    /// - Throws: what `work` throws; `ExecutorError`; `CancellationError` where it was cancelled before it began.
    public func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        let item = WorkItem()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Value, any Error>) in
                item.run = { continuation.resume(with: Result { try work() }) }
                item.drop = { continuation.resume(throwing: $0) }
                submit(item)
            }
        } onCancel: {
            if let drop = state.withLock({ $0.queue.cancel(item) }) { drop(CancellationError()) }
        }
    }

    /// In work of a pool: whether the task that waits for it was cancelled. Elsewhere false.
    public static var isCurrentWorkCancelled: Bool { WorkItem.current?.isCancelled ?? false }

    /// In work of a pool: ends it where the task that waits for it was cancelled.
    ///
    /// - Throws: `CancellationError`.
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
            // The work waits for the threads that there are; without any it is refused.
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

    /// Waits for work; nil where there will be none.
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

    /// Refuses new work and drops what waits for a thread; what runs goes on to its end, and is not waited for. Idempotent.
    ///
    /// Tornado: `Executor.shutdown(wait=False)`.
    public func shutDown() { shutDown(finishing: false) }

    /// - Parameter finishing: what waits for a thread is still run.
    func shutDown(finishing: Bool) {
        let dropped = state.withLock { state in
            state.isShutDown = true
            return finishing ? [] : state.queue.removeAll()
        }
        state.broadcast()
        for drop in dropped { drop(ExecutorError.shutDown) }
    }
}

/// What an `ExecutorPool` refuses.
public enum ExecutorError: Error, CustomStringConvertible, Sendable {
    /// As much work waits for a thread as the pool was told to hold.
    case queueFull(limit: Int)
    /// The pool was shut down, perhaps with the loop that it belonged to.
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
