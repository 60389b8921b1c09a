/// One suspended task in a list of waiters.
///
/// Sendable, because it is used under the lock of the `Monitor` at which the task waits.
class Waiter<Value: Sendable>: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Value, any Error>?
    /// Why the task no longer waits: a cancellation or a timeout, perhaps before it began to wait.
    private var abandonment: (any Error)?

    fileprivate var previous: Waiter?
    fileprivate var next: Waiter?
    fileprivate var list: WaiterList<Value>?

    /// Stores the continuation of the task.
    final func suspend(_ continuation: UnsafeContinuation<Value, any Error>) {
        self.continuation = continuation
    }

    /// The error with which the wait ended before it began.
    final var abandoned: (any Error)? { abandonment }

    /// Takes the continuation of the task, for the one caller that resumes it; nil if it was taken before.
    final func takeContinuation() -> UnsafeContinuation<Value, any Error>? { continuation.take() }

    /// Ends the wait with `error`, and removes the waiter from its list.
    ///
    /// - Returns: the continuation to resume with `error`; nil if the task was served before, or does not wait yet and will read
    ///   `abandoned`.
    final func abandon(_ error: any Error) -> UnsafeContinuation<Value, any Error>? {
        if abandonment == nil { abandonment = error }
        list?.remove(self)
        return takeContinuation()
    }
}

/// Waiters in the order in which they came, a linked list. Taking the first and removing any of them takes O(1).
///
/// Sendable, because it is used under the lock of the `Monitor` whose state it is part of.
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
        // Neighbours refer to each other; these references would keep removed waiters alive.
        waiter.previous = nil
        waiter.next = nil
        waiter.list = nil
        count -= 1
    }

    /// Removes and returns the waiter that has waited longest.
    func popFirst() -> Waiter<Value>? {
        guard let waiter = first else { return nil }
        remove(waiter)
        return waiter
    }

    /// Gives `result` to the task that has waited longest, which `wakeups` resumes. Returns false if no task waits.
    @discardableResult
    func serveFirst(_ result: Result<Value, any Error>, _ wakeups: inout Wakeups) -> Bool {
        guard let waiter = popFirst() else { return false }
        wakeups.add(waiter, result)
        return true
    }

    /// Gives `result` to all waiting tasks, which `wakeups` resumes.
    func serveAll(_ result: Result<Value, any Error>, _ wakeups: inout Wakeups) {
        while serveFirst(result, &wakeups) {}
    }
}

extension WaiterList where Value == Void {
    /// Resumes the waiting tasks for which `isReady` says so, in the order in which they came.
    func serve(where isReady: (Waiter<Void>) -> Bool, _ wakeups: inout Wakeups) {
        var next = first
        while let waiter = next {
            next = waiter.next
            guard isReady(waiter) else { continue }
            remove(waiter)
            wakeups.add(waiter, .success(()))
        }
    }
}

/// The tasks to be resumed, in order, after the lock was released: no code of others runs under the lock.
struct Wakeups {
    private var resumptions: [() -> Void] = []

    mutating func add<Value: Sendable>(_ waiter: Waiter<Value>, _ result: Result<Value, any Error>) {
        // Taken under the lock, so that only one caller resumes it.
        guard let continuation = waiter.takeContinuation() else { return }
        resumptions.append { continuation.resume(with: result) }
    }

    consuming func run() {
        for resume in resumptions { resume() }
    }
}
