/// A first-in-first-out queue between tasks. Producers wait while it is full, consumers while it is empty; both are served in
/// the order in which they came.
///
/// As an `AsyncSequence` it never ends: a `for` loop over it ends by `break` or by the task's cancellation.
/// May be used from any thread. Each waiting task continues on its own executor: a loop's task on its loop.
///
/// Sendable, because all state is in the monitor; unchecked, because it is a class with subclasses, which add no state.
///
/// Tornado: `queues.Queue`.
public class AsyncQueue<Element: Sendable>: AsyncSequence, @unchecked Sendable {
    private struct State: Sendable {
        var storage: any QueueStorage<Element>
        var unfinished = 0
        let getters = WaiterList<Element>()
        let putters = WaiterList<Void>()
        let joiners = WaiterList<Void>()
    }

    /// A task that waits for room, with the element that it puts.
    private final class Putter: Waiter<Void>, @unchecked Sendable {
        let element: Element
        init(_ element: Element) { self.element = element }
    }

    /// The most elements that it holds; nil: no limit. Tornado: `Queue.maxsize`.
    public let maxSize: Int?
    private let monitor: Monitor<State>

    /// - Parameter maxSize: the most elements that it holds, 1 or more; nil: no limit.
    public convenience init(maxSize: Int? = nil) { self.init(maxSize: maxSize, storage: FIFOStorage<Element>()) }

    init(maxSize: Int?, storage: any QueueStorage<Element>) {
        precondition(maxSize ?? 1 >= 1, "a queue's maxSize is at least 1")
        self.maxSize = maxSize
        monitor = Monitor(State(storage: storage))
    }

    /// The number of elements. Tornado: `Queue.qsize`.
    public final var count: Int { monitor.withLock(\.storage.count) }
    /// Whether it has no elements. Tornado: `Queue.empty`.
    public final var isEmpty: Bool { count == 0 }
    /// Whether it has `maxSize` elements. Tornado: `Queue.full`.
    public final var isFull: Bool { monitor.withLock(isFull) }

    private func isFull(_ state: inout State) -> Bool { state.storage.count >= maxSize ?? .max }

    // MARK: Putting

    /// Puts `element`, and waits while the queue is full.
    ///
    /// - Parameter timeout: nil: no limit.
    /// - Throws: `TimeoutError`, or `CancellationError` if the task is cancelled while it waits; nothing was put then.
    ///
    /// Tornado: `Queue.put`.
    public final func put(_ element: Element, timeout: Duration? = nil) async throws {
        if tryPut(element) { return }
        try await monitor.wait(Putter(element), timeout: timeout, on: IOLoop.currentIfAny) { state, waiter, wakeups in
            if insert(element, into: &state, &wakeups) { return .success(()) }
            state.putters.append(waiter)
            return nil
        }
    }

    /// Puts `element` without waiting.
    ///
    /// - Throws: `QueueError.full`.
    ///
    /// Tornado: `Queue.put_nowait`.
    public final func putNowait(_ element: Element) throws(QueueError) {
        guard tryPut(element) else { throw .full }
    }

    private func tryPut(_ element: Element) -> Bool {
        monitor.update { state, wakeups in insert(element, into: &state, &wakeups) }
    }

    /// Passes the element to the task that has waited for one longest, or stores it. Returns false if there is no room.
    private func insert(_ element: Element, into state: inout State, _ wakeups: inout Wakeups) -> Bool {
        if !state.getters.serveFirst(.success(element), &wakeups) {
            if isFull(&state) { return false }
            state.storage.insert(element)
        }
        state.unfinished += 1
        return true
    }

    // MARK: Getting

    /// Takes the next element, and waits while the queue is empty.
    ///
    /// - Parameter timeout: nil: no limit.
    /// - Throws: `TimeoutError`, or `CancellationError` if the task is cancelled while it waits; nothing was taken then.
    ///
    /// Tornado: `Queue.get`.
    public final func get(timeout: Duration? = nil) async throws -> Element {
        if let element = tryGet() { return element }
        return try await monitor.wait(timeout: timeout, on: IOLoop.currentIfAny) { state, waiter, wakeups in
            if let element = removeNext(from: &state, &wakeups) { return .success(element) }
            state.getters.append(waiter)
            return nil
        }
    }

    /// Takes the next element without waiting.
    ///
    /// - Throws: `QueueError.empty`.
    ///
    /// Tornado: `Queue.get_nowait`.
    public final func getNowait() throws(QueueError) -> Element {
        guard let element = tryGet() else { throw .empty }
        return element
    }

    private func tryGet() -> Element? {
        monitor.update { state, wakeups in removeNext(from: &state, &wakeups) }
    }

    /// Takes the next element, and stores the one of the task that has waited for room longest.
    private func removeNext(from state: inout State, _ wakeups: inout Wakeups) -> Element? {
        guard let element = state.storage.removeNext() else { return nil }
        if let putter = state.putters.popFirst() as? Putter {
            state.storage.insert(putter.element)
            state.unfinished += 1
            wakeups.add(putter, .success(()))
        }
        return element
    }

    // MARK: Joining

    /// Marks the work on one element that was taken as done.
    ///
    /// - Throws: `QueueError.tooManyTasksDone`.
    ///
    /// Tornado: `Queue.task_done`.
    public final func taskDone() throws(QueueError) {
        try monitor.update { (state, wakeups) throws(QueueError) in
            guard state.unfinished > 0 else { throw .tooManyTasksDone }
            state.unfinished -= 1
            if state.unfinished == 0 { state.joiners.serveAll(.success(()), &wakeups) }
        }
    }

    /// Waits until `taskDone` was called for each element that was put.
    ///
    /// - Parameter timeout: nil: no limit.
    /// - Throws: `TimeoutError`, or `CancellationError` if the task is cancelled while it waits.
    ///
    /// Tornado: `Queue.join`.
    public final func join(timeout: Duration? = nil) async throws {
        try await monitor.wait(timeout: timeout, on: IOLoop.currentIfAny) { state, waiter, _ in
            if state.unfinished == 0 { return .success(()) }
            state.joiners.append(waiter)
            return nil
        }
    }

    // MARK: AsyncSequence

    /// Takes the elements one by one. Tornado: `async for item in queue`.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let queue: AsyncQueue

        public func next() async throws -> Element? { try await queue.get() }
    }

    public final func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: self) }
}

/// A queue that returns the newest element first.
///
/// Tornado: `queues.LifoQueue`.
public final class AsyncLIFOQueue<Element: Sendable>: AsyncQueue<Element>, @unchecked Sendable {
    /// - Parameter maxSize: the most elements that it holds, 1 or more; nil: no limit.
    public init(maxSize: Int? = nil) { super.init(maxSize: maxSize, storage: LIFOStorage<Element>()) }
}

/// A queue that returns the smallest element first, and equal ones in the order in which they were put.
///
/// Tornado: `queues.PriorityQueue`.
public final class AsyncPriorityQueue<Element: Sendable>: AsyncQueue<Element>, @unchecked Sendable {
    /// - Parameters:
    ///   - maxSize: the most elements that it holds, 1 or more; nil: no limit.
    ///   - areInIncreasingOrder: whether the first element is returned before the second; a strict weak ordering. It is called
    ///     under the queue's lock and must not use the queue.
    public init(maxSize: Int? = nil, by areInIncreasingOrder: @escaping @Sendable (Element, Element) -> Bool) {
        super.init(maxSize: maxSize, storage: PriorityStorage(areInIncreasingOrder))
    }
}

extension AsyncPriorityQueue where Element: Comparable {
    /// - Parameter maxSize: the most elements that it holds, 1 or more; nil: no limit.
    public convenience init(maxSize: Int? = nil) { self.init(maxSize: maxSize, by: { $0 < $1 }) }
}

/// Why a queue refuses a call at once.
public enum QueueError: Error, CustomStringConvertible, Sendable {
    /// `getNowait` was called on an empty queue. Tornado: `queues.QueueEmpty`.
    case empty
    /// `putNowait` was called on a full queue. Tornado: `queues.QueueFull`.
    case full
    /// `taskDone` was called more often than elements were put.
    case tooManyTasksDone

    public var description: String {
        switch self {
        case .empty: "the queue is empty"
        case .full: "the queue is full"
        case .tooManyTasksDone: "taskDone() was called more often than elements were put"
        }
    }
}
