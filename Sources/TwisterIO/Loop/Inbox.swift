import Synchronization

/// The callbacks and jobs that other threads pass to a loop, in order.
///
/// A lock-free stack: a thread pushes with one compare-and-exchange, and the loop takes all nodes and reverses their order.
/// The standard library's `Mutex` cost ten times as much here, because it passes from thread to thread through the kernel
/// when several threads contend for it.
final class Inbox: Sendable {
    typealias Callback = @Sendable () throws -> Void

    /// Sendable, because one thread at a time has it: the one that pushes it, and then the one that has taken it.
    private final class Node: @unchecked Sendable {
        let callback: Callback?
        let job: UnownedJob?
        /// The address of the next older node; 0: none. Written before the node is pushed, read after it was taken.
        var next: UInt = 0

        init(callback: Callback?, job: UnownedJob?) {
            self.callback = callback
            self.job = job
        }
    }

    /// The address of the newest node; 0: none. It carries a reference (`Unmanaged`), because atomics hold words only; the
    /// thread that exchanges the address owns the nodes.
    private let newest = Atomic<UInt>(0)
    /// Whether callbacks are dropped.
    private let closed = Atomic(false)

    deinit { _ = take() }

    /// Whether the loop is closed. May be used from any thread.
    var isClosed: Bool { closed.load(ordering: .acquiring) }

    var isEmpty: Bool { newest.load(ordering: .sequentiallyConsistent) == 0 }

    /// Adds a callback. May be called from any thread.
    ///
    /// - Returns: whether the inbox was empty before, so that the loop has to be woken.
    func put(_ callback: @escaping Callback) -> Bool {
        guard !isClosed else { return false }
        let wasEmpty = push(Node(callback: callback, job: nil))
        // The loop was closed between the check and the push, and will not collect the callback.
        if closed.load(ordering: .sequentiallyConsistent) { dropCallbacks() }
        return wasEmpty
    }

    /// Adds a job of a task, which is never dropped. Otherwise like `put` for a callback.
    func put(_ job: UnownedJob) -> Bool { push(Node(callback: nil, job: job)) }

    private func push(_ node: Node) -> Bool {
        let pointer = UInt(bitPattern: Unmanaged.passRetained(node).toOpaque())
        var expected = newest.load(ordering: .relaxed)
        while true {
            node.next = expected
            let (exchanged, original) = newest.weakCompareExchange(
                expected: expected, desired: pointer, successOrdering: .sequentiallyConsistent,
                failureOrdering: .relaxed)
            if exchanged { return original == 0 }
            expected = original
        }
    }

    /// Moves all callbacks and jobs to the loop's queues. On the loop's thread.
    func collect(into callbacks: inout FIFO<() throws -> Void>, _ jobs: inout FIFO<UnownedJob>) {
        guard !isEmpty else { return }
        for node in take().reversed() {
            if let callback = node.callback { callbacks.append(callback) }
            if let job = node.job { jobs.append(job) }
        }
    }

    /// Drops the callbacks that are there, and later ones, when the loop is closed.
    func close() {
        closed.store(true, ordering: .sequentiallyConsistent)
        dropCallbacks()
    }

    private func dropCallbacks() {
        for node in take().reversed() {
            if let job = node.job { _ = put(job) }
        }
    }

    /// Takes all nodes, the newest first.
    private func take() -> ContiguousArray<Node> {
        var nodes: ContiguousArray<Node> = []
        var address = newest.exchange(0, ordering: .sequentiallyConsistent)
        while let pointer = UnsafeRawPointer(bitPattern: address) {
            let node = Unmanaged<Node>.fromOpaque(pointer).takeRetainedValue()
            address = node.next
            nodes.append(node)
        }
        return nodes
    }
}
