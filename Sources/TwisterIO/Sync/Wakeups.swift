/// The tasks to be resumed once the lock is given back, in order: no foreign code runs under a lock.
struct Wakeups {
    private var resumptions: [() -> Void] = []

    mutating func add<Value: Sendable>(_ waiter: Waiter<Value>, _ result: Result<Value, any Error>) {
        // Taken under the lock: whoever takes the continuation is the only one to resume it.
        guard let continuation = waiter.takeContinuation() else { return }
        resumptions.append { continuation.resume(with: result) }
    }

    consuming func run() {
        for resume in resumptions { resume() }
    }
}
