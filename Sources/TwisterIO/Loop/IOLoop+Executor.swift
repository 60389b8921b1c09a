/// How async code runs on the loop: the leader and its workers.
///
/// The loop's turns run inside a task, the leader, so that a handler is an ordinary async call: no task, no continuation
/// and no hop for one that does not suspend. A handler that does suspend takes its worker along; the thread then elects
/// another one, which goes on where the first left off, because all state of the loop is here and none is the worker's.
extension IOLoop {
    // MARK: TaskExecutor

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrentThread {
            jobs.append(job)
        } else {
            if inbox.put(job) { reactor.wakeup() }
        }
    }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

    // MARK: The thread

    /// Runs the jobs that are queued, then a leader, which stays until it suspends or other jobs are queued.
    func runJobsAndLead() {
        elect()
        runPresentJobs()
    }

    /// Queues a leader behind the jobs that are there.
    private func elect() {
        workers.term &+= 1
        if let idle = workers.idle.popLast() {
            idle.resume()
        } else {
            let worker = workers.add()
            worker.task = Task(executorPreference: self) { [self] in await work(worker) }
        }
    }

    /// Lets the idle workers, and the tasks that the loop's end has resumed, run to their end. Tasks that only wait for each
    /// other are not waited for.
    func retireWorkers() {
        workers.retiring = true
        while let idle = workers.idle.popLast() { idle.resume() }
        for _ in 0..<64 {
            collectInbox()
            if jobs.isEmpty { break }
            runPresentJobs()
        }
    }

    private func runPresentJobs() {
        var count = jobs.count
        while count > 0, let job = jobs.popFirst() {
            count -= 1
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    // MARK: A worker

    private func work(_ worker: Worker) async {
        while !workers.retiring {
            await lead(worker)
            // A cancelled task cannot be made whole again; and after a crowd of handlers that waited, few are needed.
            if workers.retiring || Task.isCancelled || workers.idle.count >= WorkerPool.mostIdle { break }
            await withUnsafeContinuation { workers.idle.append($0) }
        }
        workers.remove(worker)
    }

    /// Runs what is ready, then a turn, until this worker has slept or other jobs wait for the thread.
    private func lead(_ worker: Worker) async {
        let term = workers.term
        repeat {
            while let work = ready.popFirst() {
                var hasRun = false
                if let job = work.willRun(on: worker.id) {
                    do { try await job.execute() } catch { await job.executionFailed(error) }
                    hasRun = true
                }
                // Out here, where the job is let go of: `didRun` looks who else holds the request.
                if hasRun { work.didRun() }
                guard workers.term == term, !worker.isCancelled, !workers.retiring else { return }
            }
            turn()
        } while jobs.isEmpty && !isStopping
    }

    /// Runs `work` after the I/O events of this turn, as an async call on the loop's thread.
    package func schedule(_ work: any LoopWork) {
        ready.append(work)
    }
}

/// Something with async work that is ready: a connection with a request to answer.
///
/// What comes before and after the async part stands in functions of its own, since each async frame on the way costs a
/// look at the executor when it is returned to.
package protocol LoopWork: AnyObject {
    /// The async part; nil where there is none any more. `worker` is for `IOLoop.cancelWorker`, until `didRun`.
    func willRun(on worker: Int) -> (any LoopJob)?
    func didRun()
}

/// Async work that a loop runs.
public protocol LoopJob: AnyObject {
    /// Does the work, on the loop's thread.
    func execute() async throws
    /// Deals with what `execute` threw.
    func executionFailed(_ error: any Error) async
}

extension IOLoop {
    /// Cancels what runs on a worker, which is retired afterwards.
    package func cancelWorker(_ id: Int) { workers.members[id]?.cancel() }
}

/// A task that runs what is ready, one at a time. Touched on the loop's thread only.
final class Worker: @unchecked Sendable {
    let id: Int
    fileprivate var task: Task<Void, Never>?
    @exclusivity(unchecked) fileprivate(set) var isCancelled = false

    fileprivate init(id: Int) { self.id = id }

    fileprivate func cancel() {
        isCancelled = true
        task?.cancel()
    }
}

/// The workers of a loop.
struct WorkerPool {
    /// More idle workers than these are let go: each holds a task's memory.
    static let mostIdle = 256

    /// Counts elections: a worker that finds it changed has slept, and no longer leads.
    var term: UInt64 = 0
    var idle: [UnsafeContinuation<Void, Never>] = []
    private(set) var members: [Int: Worker] = [:]
    private var nextID = 0
    var retiring = false

    fileprivate mutating func add() -> Worker {
        nextID += 1
        let worker = Worker(id: nextID)
        members[nextID] = worker
        return worker
    }

    fileprivate mutating func remove(_ worker: Worker) { members[worker.id] = nil }
}
