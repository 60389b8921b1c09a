/// A queue in a ring of reused memory: append at the back, take from the front, both O(1) amortised, no allocation once
/// warm.
package struct FIFO<Element>: ~Copyable {
    /// A power of two of places, of which `count` are initialised, from `head` on, round the end.
    private var ring = UnsafeMutableBufferPointer<Element>(start: nil, count: 0)
    private var head = 0
    package private(set) var count = 0

    private static var leastRoom: Int { 8 }
    /// A ring that one crowd made grow beyond this is given back when the crowd has gone.
    private static var keptRoom: Int { 4096 }

    package init() {}

    deinit {
        for place in 0..<count { (ring.baseAddress.unsafelyUnwrapped + position(place)).deinitialize(count: 1) }
        ring.deallocate()
    }

    package var isEmpty: Bool { count == 0 }

    package mutating func append(_ element: consuming Element) {
        if count == ring.count { grow() }
        // There is room, so there is memory.
        (ring.baseAddress.unsafelyUnwrapped + position(count)).initialize(to: element)
        count &+= 1
    }

    package mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = (ring.baseAddress.unsafelyUnwrapped + head).move()
        head = position(1)
        count &-= 1
        if count == 0, ring.count > Self.keptRoom { shrink() }
        return element
    }

    /// Where the element at `place` lies, counted from the front.
    private func position(_ place: Int) -> Int { (head &+ place) & (ring.count &- 1) }

    /// Twice the room, with the front at the start.
    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(Self.leastRoom, ring.count * 2))
        let behind = larger.moveInitialize(fromContentsOf: ring[head...])
        _ = larger[behind...].moveInitialize(fromContentsOf: ring[..<head])
        ring.deallocate()
        ring = larger
        head = 0
    }

    @inline(never)
    private mutating func shrink() {
        ring.deallocate()
        ring = UnsafeMutableBufferPointer(start: nil, count: 0)
        head = 0
    }

    /// Empties the queue, and gives back what it held.
    mutating func takeAll() -> FIFO {
        var taken = FIFO()
        swap(&self, &taken)
        return taken
    }
}

// The ring is the queue's own, and the queue cannot be copied.
extension FIFO: @unchecked Sendable where Element: Sendable {}
