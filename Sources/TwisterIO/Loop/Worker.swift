/// A task that runs what is ready, one at a time. Touched on the loop's thread only.
@usableFromInline
package final class Worker: @unchecked Sendable {
    @usableFromInline package let id: Int
    var task: Task<Void, Never>?
    @exclusivity(unchecked) private(set) var isCancelled = false

    init(id: Int) { self.id = id }

    func cancel() {
        isCancelled = true
        task?.cancel()
    }
}

/// The workers of a loop.
struct WorkerPool {
    /// More idle workers than these are let go: each holds a task's memory.
    static let mostIdle = 256

    /// See `IOLoop.term`.
    var term: UInt64 = 0
    var idle: [UnsafeContinuation<Void, Never>] = []
    private(set) var members: [Int: Worker] = [:]
    private var nextID = 0
    var retiring = false

    mutating func add() -> Worker {
        nextID += 1
        let worker = Worker(id: nextID)
        members[nextID] = worker
        return worker
    }

    mutating func remove(_ worker: Worker) { members[worker.id] = nil }
}
