/// A queue in a ring of reused memory: append at the back, take from the front, both O(1) amortised, no allocation once
/// warm.
package struct FIFO<Element> {
    private var ring: ContiguousArray<Element?> = []
    private var head = 0
    package private(set) var count = 0

    /// A ring that one crowd made grow beyond this is given back when the crowd has gone.
    private static var keptRoom: Int { 4096 }

    package init() {}

    package var isEmpty: Bool { count == 0 }

    package mutating func append(_ element: Element) {
        if count == ring.count { grow() }
        ring[(head &+ count) & (ring.count &- 1)] = element
        count &+= 1
    }

    package mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = ring[head].take()
        head = (head &+ 1) & (ring.count &- 1)
        count &-= 1
        if count == 0, ring.count > Self.keptRoom { self = FIFO() }
        return element
    }

    /// Twice the room, always a power of two, with the front at the start.
    @inline(never)
    private mutating func grow() {
        var larger: ContiguousArray<Element?> = []
        larger.reserveCapacity(max(8, ring.count * 2))
        larger.append(contentsOf: ring[head...])
        larger.append(contentsOf: ring[..<head])
        larger.append(contentsOf: repeatElement(nil, count: max(8, ring.count * 2) - ring.count))
        ring = larger
        head = 0
    }

    /// Empties the queue, and gives back what it held.
    mutating func takeAll() -> FIFO {
        defer { self = FIFO() }
        return self
    }
}

extension FIFO: Sendable where Element: Sendable {}
