/// The elements of a queue, in the order in which the queue returns them.
protocol QueueStorage<Element>: Sendable {
    associatedtype Element: Sendable
    var count: Int { get }
    mutating func insert(_ element: Element)
    mutating func removeNext() -> Element?
}

/// First in, first out. Sendable, because it is used under its queue's lock only.
final class FIFOStorage<Element: Sendable>: QueueStorage, @unchecked Sendable {
    private var elements = FIFO<Element>()
    var count: Int { elements.count }
    func insert(_ element: Element) { elements.append(element) }
    func removeNext() -> Element? { elements.popFirst() }
}

/// Last in, first out.
struct LIFOStorage<Element: Sendable>: QueueStorage {
    private var elements: [Element] = []
    var count: Int { elements.count }
    mutating func insert(_ element: Element) { elements.append(element) }
    mutating func removeNext() -> Element? { elements.popLast() }
}

/// Smallest first, equal ones in the order in which they were inserted: a binary heap.
struct PriorityStorage<Element: Sendable>: QueueStorage {
    private struct Entry: Sendable {
        let element: Element
        let number: UInt64
    }
    private var heap: [Entry] = []
    private var inserted: UInt64 = 0
    private let areInIncreasingOrder: @Sendable (Element, Element) -> Bool

    init(_ areInIncreasingOrder: @escaping @Sendable (Element, Element) -> Bool) {
        self.areInIncreasingOrder = areInIncreasingOrder
    }

    var count: Int { heap.count }

    mutating func insert(_ element: Element) {
        heap.append(Entry(element: element, number: inserted))
        inserted += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isBefore(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeNext() -> Element? {
        guard !heap.isEmpty else { return nil }
        heap.swapAt(0, heap.count - 1)
        let next = heap.removeLast()
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, isBefore(heap[child + 1], heap[child]) { child += 1 }
            guard isBefore(heap[child], heap[parent]) else { break }
            heap.swapAt(child, parent)
            parent = child
        }
        return next.element
    }

    private func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        if areInIncreasingOrder(left.element, right.element) { return true }
        if areInIncreasingOrder(right.element, left.element) { return false }
        return left.number < right.number
    }
}
