import Synchronization

/// A task that runs what is ready, one job at a time.
@usableFromInline
package final class Worker: Sendable {
    @usableFromInline package let id: Int
    private let cancelled = Atomic(false)

    init(id: Int) { self.id = id }

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
