import Synchronization

/// What other threads hand in to a loop: callbacks and jobs, in order.
///
/// A stack that threads push on with one compare-and-exchange, and that the loop takes whole and turns round. No lock: the
/// one of the standard library hands itself from thread to thread through the kernel when several want it, which cost
/// ten times as much here.
final class Inbox: Sendable {
    typealias Callback = () throws -> Void

    private final class Node: @unchecked Sendable {
        let callback: Callback?
        let job: UnownedJob?
        /// Written before the node is pushed, read after it was taken.
        var next: UInt = 0

        init(callback: Callback?, job: UnownedJob?) {
            self.callback = callback
            self.job = job
        }
    }

    /// The address of the newest node, which whoever takes it owns; 0: none.
    private let newest = Atomic<UInt>(0)
    /// Callbacks are dropped from here on.
    private let closed = Atomic(false)

    deinit { _ = take() }

    /// Any thread. Whether the loop has ended.
    var isClosed: Bool { closed.load(ordering: .acquiring) }

    var isEmpty: Bool { newest.load(ordering: .sequentiallyConsistent) == 0 }

    /// Any thread. Whether the loop has to be woken: it was empty before.
    func put(_ callback: @escaping Callback) -> Bool {
        guard !isClosed else { return false }
        let wasEmpty = push(Node(callback: callback, job: nil))
        // Closed between the check and the push: nobody will come for it.
        if closed.load(ordering: .sequentiallyConsistent) { dropCallbacks() }
        return wasEmpty
    }

    /// Any thread. The same for a job of a task, which is never dropped.
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

    /// The loop's thread: moves everything to where the loop works it off.
    func collect(into callbacks: inout FIFO<Callback>, _ jobs: inout FIFO<UnownedJob>) {
        guard !isEmpty else { return }
        for node in take().reversed() {
            if let callback = node.callback { callbacks.append(callback) }
            if let job = node.job { jobs.append(job) }
        }
    }

    /// The loop's end: callbacks that are there, and later ones, are dropped.
    func close() {
        closed.store(true, ordering: .sequentiallyConsistent)
        dropCallbacks()
    }

    private func dropCallbacks() {
        for node in take().reversed() {
            if let job = node.job { _ = put(job) }
        }
    }

    /// All nodes, the newest first.
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
