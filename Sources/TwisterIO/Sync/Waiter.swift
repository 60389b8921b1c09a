/// One suspended task in a line of waiters. All of it is guarded by the lock of the `Monitor` that the task waits at.
class Waiter<Value: Sendable>: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Value, any Error>?
    /// Why the task no longer waits: it was cancelled or its time was up, perhaps before it began to wait.
    private var abandonment: (any Error)?

    fileprivate var previous: Waiter?
    fileprivate var next: Waiter?
    fileprivate var list: WaiterList<Value>?

    /// Stores what resumes the task.
    final func suspend(_ continuation: UnsafeContinuation<Value, any Error>) {
        self.continuation = continuation
    }

    /// Whether the waiting was given up before it began.
    final var abandoned: (any Error)? { abandonment }

    /// What resumes the task, for the one caller that does so; nil where another one has taken it.
    final func takeContinuation() -> UnsafeContinuation<Value, any Error>? { continuation.take() }

    /// Gives up and leaves the line. The continuation to resume with `error`; nil where the task was served already, or
    /// does not wait yet and will find out.
    final func abandon(_ error: any Error) -> UnsafeContinuation<Value, any Error>? {
        if abandonment == nil { abandonment = error }
        list?.remove(self)
        return takeContinuation()
    }
}

/// Waiters in order of arrival. Taking the first and removing any of them is O(1).
///
/// Guarded by the lock of the `Monitor` whose state it is part of.
final class WaiterList<Value: Sendable>: @unchecked Sendable {
    private var first: Waiter<Value>?
    private var last: Waiter<Value>?
    private(set) var count = 0

    var isEmpty: Bool { first == nil }

    func append(_ waiter: Waiter<Value>) {
        waiter.list = self
        waiter.previous = last
        if let last { last.next = waiter } else { first = waiter }
        last = waiter
        count += 1
    }

    func remove(_ waiter: Waiter<Value>) {
        guard waiter.list === self else { return }
        if let previous = waiter.previous { previous.next = waiter.next } else { first = waiter.next }
        if let next = waiter.next { next.previous = waiter.previous } else { last = waiter.previous }
        // Neighbours hold each other: whoever leaves lets go.
        waiter.previous = nil
        waiter.next = nil
        waiter.list = nil
        count -= 1
    }

    /// Takes the longest waiting one out of the line.
    func popFirst() -> Waiter<Value>? {
        guard let waiter = first else { return nil }
        remove(waiter)
        return waiter
    }

    /// Serves the longest waiting one; its task is resumed by `wakeups`. Whether there was one.
    @discardableResult
    func serveFirst(_ result: Result<Value, any Error>, _ wakeups: inout Wakeups) -> Bool {
        guard let waiter = popFirst() else { return false }
        wakeups.add(waiter, result)
        return true
    }

    func serveAll(_ result: Result<Value, any Error>, _ wakeups: inout Wakeups) {
        while serveFirst(result, &wakeups) {}
    }
}

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
