/// A queue in one reused array: append at the back, take from the front, both O(1) amortised, no allocation once warm.
struct FIFO<Element> {
    private var elements: ContiguousArray<Element?> = []
    private var head = 0

    var count: Int { elements.count - head }
    var isEmpty: Bool { elements.count == head }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head].take()
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: head <= 4096)
            head = 0
        } else if head >= 1024, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Takes everything that `other` holds, in order, and leaves it empty.
    mutating func append(takingFrom other: inout FIFO) {
        if isEmpty {
            swap(&self, &other)
        } else {
            while let element = other.popFirst() { append(element) }
        }
    }

    /// Empties the queue, and gives back what it held.
    mutating func takeAll() -> FIFO {
        defer { self = FIFO() }
        return self
    }
}

extension FIFO: Sendable where Element: Sendable {}
