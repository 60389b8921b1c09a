import Glibc
import Synchronization

/// One piece of blocking work, which is either run or dropped, once.
///
/// Sendable, because one thread at a time uses it: its creator, then a thread that holds its pool's lock, then the thread that
/// has taken it from the queue. `cancelled` is atomic.
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

    /// Takes the closure that runs the work, for the thread that runs it.
    func takeRun() -> (() -> Void)? {
        drop = nil
        return run.take()
    }

    /// Takes the closure that drops the work, for the thread that drops it.
    func takeDrop() -> Drop? {
        run = nil
        return drop.take()
    }

    // MARK: The work of the calling thread

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key, nil)
        precondition(result == 0, "pthread_key_create: \(result)")
        return key
    }()

    /// The work that the calling thread runs. Kept unretained in a thread-specific slot, which holds one pointer; the pool's
    /// thread keeps the work alive until it sets the slot to nil.
    static var current: WorkItem? {
        get { pthread_getspecific(key).map { Unmanaged.fromOpaque($0).takeUnretainedValue() } }
        set { pthread_setspecific(key, newValue.map { UnsafeRawPointer(Unmanaged.passUnretained($0).toOpaque()) }) }
    }
}

/// The queue of work that waits for a thread, a linked list. Taking the first entry and removing any entry takes O(1).
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

    /// Marks the work as cancelled, and removes it if it is queued.
    ///
    /// - Returns: the closure that drops it; nil if it was not queued.
    mutating func cancel(_ item: WorkItem) -> WorkItem.Drop? {
        item.cancel()
        guard item.isQueued else { return nil }
        remove(item)
        return item.takeDrop()
    }

    /// Removes all work, and returns the closures that drop it.
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
