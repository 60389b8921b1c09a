/// How async code runs on the loop: the leader and its workers.
///
/// The loop's turns run inside a task, the leader, so that a handler is an ordinary async call: no task, no continuation
/// and no hop for one that does not suspend. A handler that does suspend takes its worker along; the thread then elects
/// another one, which goes on where the first left off, because all state belongs to the loop and none to the worker.
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
            workers.add { worker in Task(executorPreference: self) { [self] in await work(worker) } }
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
            pulse.willRun(job)
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
