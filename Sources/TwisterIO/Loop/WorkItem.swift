import Glibc
import Synchronization

/// One piece of blocking work: either run or dropped, once. Guarded by its pool's lock while it is queued.
final class WorkItem: @unchecked Sendable {
    typealias Drop = (any Error) -> Void

    var run: (() -> Void)?
    var drop: Drop?
    fileprivate var previous: WorkItem?
    fileprivate var next: WorkItem?
    fileprivate var isQueued = false
    private let cancelled = Atomic(false)

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }
    fileprivate func cancel() { cancelled.store(true, ordering: .releasing) }

    /// For the one that runs it.
    func takeRun() -> (() -> Void)? {
        drop = nil
        return run.take()
    }

    /// For the one that drops it.
    func takeDrop() -> Drop? {
        run = nil
        return drop.take()
    }

    // MARK: The calling thread's

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key, nil)
        precondition(result == 0, "pthread_key_create: \(result)")
        return key
    }()

    /// What the calling thread runs; whoever sets it keeps it alive.
    static var current: WorkItem? {
        get { pthread_getspecific(key).map { Unmanaged.fromOpaque($0).takeUnretainedValue() } }
        set { pthread_setspecific(key, newValue.map { UnsafeRawPointer(Unmanaged.passUnretained($0).toOpaque()) }) }
    }
}

/// Work that waits for a thread, in order; taking the first and removing any is O(1).
struct WorkList {
    private var first: WorkItem?
    private var last: WorkItem?
    private(set) var count = 0

    mutating func append(_ item: WorkItem) {
        item.isQueued = true
        item.previous = last
        if let last { last.next = item } else { first = item }
        last = item
        count += 1
    }

    mutating func popFirst() -> WorkItem? {
        guard let item = first else { return nil }
        remove(item)
        return item
    }

    /// Marks the work as cancelled, and takes it out where it is queued: what drops it.
    mutating func cancel(_ item: WorkItem) -> WorkItem.Drop? {
        item.cancel()
        guard item.isQueued else { return nil }
        remove(item)
        return item.takeDrop()
    }

    /// Takes everything out: what drops each.
    mutating func removeAll() -> [WorkItem.Drop] {
        var drops: [WorkItem.Drop] = []
        while let item = popFirst() {
            if let drop = item.takeDrop() { drops.append(drop) }
        }
        return drops
    }

    private mutating func remove(_ item: WorkItem) {
        if let previous = item.previous { previous.next = item.next } else { first = item.next }
        if let next = item.next { next.previous = item.previous } else { last = item.previous }
        item.previous = nil
        item.next = nil
        item.isQueued = false
        count -= 1
    }
}
