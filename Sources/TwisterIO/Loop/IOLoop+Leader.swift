/// What a worker does: it leads the loop, parks, and leads again.
extension IOLoop {
    /// Calls `lead`.
    package typealias Leader = @Sendable (IOLoop, Worker) async -> Void

    /// The leader for a loop whose jobs are of unknown classes.
    static let anyLeader: Leader = { loop, worker in await loop.lead(worker, mostly: AnyLoopJob.self) }

    func work(_ worker: Worker) async {
        pulse.began(worker)
        // A job may cancel the task on which it runs (`withUnsafeCurrentTask`). The next job must not inherit that, so the
        // worker takes no other one.
        await withTaskCancellationHandler {
            while !workers.retiring {
                await leader(self, worker)
                // A cancelled task stays cancelled, so the worker ends. It also ends where enough workers are idle, as after
                // many handlers that waited.
                if workers.retiring || worker.isCancelled || workers.idle.count >= WorkerPool.mostIdle { break }
                await withUnsafeContinuation { workers.idle.append($0) }
            }
        } onCancel: {
            worker.noteCancellation()
        }
        workers.remove(worker)
        pulse.ended(worker)
    }

    /// Leads: runs what is ready, then a turn, and so on, until the worker has slept or other jobs wait for the thread.
    ///
    /// Each return to an async frame makes the runtime check the executor, which costs time. So the layer that knows the class
    /// of nearly all jobs has this function specialised for that class, and the body of their `execute` becomes a part of it.
    @inlinable
    package func lead<Job: LoopJob>(_ worker: Worker, mostly: Job.Type) async {
        let term = term
        while let work = nextWork(for: worker, since: term) {
            var runs = 0
            repeat {
                // The job is released before `didRun`, which uses the request's memory again unless somebody holds it.
                guard let job = work.willRun(on: worker.id) else { break }
                do {
                    if let job = job as? Job {
                        worker.note(job.label)
                        try await job.execute()
                    } else {
                        worker.note(job.label)
                        try await job.execute()
                    }
                } catch {
                    await job.executionFailed(error)
                }
                runs &+= 1
            } while runsAgain(work, after: runs, by: worker, since: term)
        }
    }

    /// How often work that is ready again at once may run before other work has its turn.
    private static let mostRuns = 32

    /// Whether `work`, which has just run, is run again at once, because it is still in the processor's caches. A connection
    /// with pipelined requests is such work.
    @usableFromInline
    package func runsAgain(_ work: any LoopWork, after runs: Int, by worker: Worker, since term: UInt64) -> Bool {
        guard work.didRun() else { return false }
        if runs < Self.mostRuns, isLed(by: worker, since: term) { return true }
        schedule(work)
        return false
    }

    /// Moves on with each election: a worker that finds it changed has suspended, and no longer leads.
    @usableFromInline package var term: UInt64 { workers.term }

    private func isLed(by worker: Worker, since term: UInt64) -> Bool {
        workers.term == term && !worker.isCancelled && !workers.retiring
    }

    /// The next work to run, after as many turns as that takes; nil once `worker` no longer leads.
    @usableFromInline
    package func nextWork(for worker: Worker, since term: UInt64) -> (any LoopWork)? {
        while isLed(by: worker, since: term) {
            if let work = ready.popFirst() { return work }
            turn()
            guard jobs.isEmpty, !isStopping else { return nil }
        }
        return nil
    }

    /// Has the loop led by `leader`, which calls `lead`, from now on. On the loop's thread.
    package func setLeader(_ leader: @escaping Leader) {
        preconditionOnLoop()
        self.leader = leader
        // Has the worker that leads now give way after this turn.
        workers.term &+= 1
    }

    /// Runs `work` after the I/O events of this turn, as an async call on the loop's thread.
    package func schedule(_ work: any LoopWork) {
        ready.append(work)
    }

    /// Cancels the job that runs on a worker, which takes no other one.
    package func cancelWorker(_ id: Int) { workers.members[id]?.cancel() }
}

/// A class that no job has, for loops whose jobs are of unknown classes.
private final class AnyLoopJob: LoopJob {
    func execute() async throws {}
    func executionFailed(_ error: any Error) async {}
}
