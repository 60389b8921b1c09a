public import Synchronization

/// Something with async work that is ready: a connection with a request to respond to.
///
/// The parts before and after the async one are functions of their own, since each async frame on a request's way costs a
/// look at the executor when it returns.
@usableFromInline
package protocol LoopWork: AnyObject {
    /// Called right before the async part. Returns the job; nil where there is none any more. `worker` is for
    /// `IOLoop.cancelWorker`, until `didRun`.
    func willRun(on worker: Int) -> (any LoopJob)?
    /// The async part has ended. Returns whether there is more, which is then run soon without being scheduled.
    func didRun() -> Bool
}

/// Async work that a loop runs.
public protocol LoopJob: AnyObject {
    /// The name of the job in logs and reports. Default: unknown.
    var label: JobLabel { get }
    /// Does the work, on the loop's thread.
    func execute() async throws
    /// Deals with the error that `execute` has thrown.
    func executionFailed(_ error: any Error) async
}

extension LoopJob {
    /// Nothing is known of it.
    public var label: JobLabel { .unknown }
}

/// A task that runs what is ready, one job at a time.
@usableFromInline
package final class Worker: Sendable {
    @usableFromInline package let id: Int
    private let cancelled = Atomic(false)
    /// The address of its task; see `LoopPulse`.
    let task = Atomic<UInt>(0)
    /// The label of the job that it runs, or ran last.
    @usableFromInline package let label = Atomic<Int>(0)

    init(id: Int) { self.id = id }

    /// The worker runs such a job from now on.
    @inlinable
    @inline(__always)
    package func note(_ label: JobLabel) { self.label.store(label.number, ordering: .relaxed) }

    /// Whether the worker's task is cancelled, by `IOLoop.cancelWorker` or by the very job that runs on it.
    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// Called when the worker's task is cancelled. Any thread.
    func noteCancellation() { cancelled.store(true, ordering: .relaxed) }
}

/// The workers of a loop.
struct WorkerPool {
    /// More idle workers than these are let go: each holds a task's memory.
    static let mostIdle = 256

    /// See `IOLoop.term`.
    var term: UInt64 = 0
    var idle: [UnsafeContinuation<Void, Never>] = []
    private(set) var members: [Int: Task<Void, Never>] = [:]
    private var nextID = 0
    var retiring = false

    /// Starts a worker, whose task `start` makes.
    mutating func add(_ start: (Worker) -> Task<Void, Never>) {
        nextID += 1
        members[nextID] = start(Worker(id: nextID))
    }

    mutating func remove(_ worker: Worker) { members[worker.id] = nil }
}
