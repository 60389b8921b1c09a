/// A first-in-first-out queue in a ring buffer. `append` and `popFirst` take O(1) amortised, and do not allocate once the
/// buffer is large enough.
package struct FIFO<Element>: ~Copyable {
    /// Its size is a power of two. `count` elements are initialised, beginning at `head` and wrapping at the end.
    private var ring = UnsafeMutableBufferPointer<Element>(start: nil, count: 0)
    private var head = 0
    package private(set) var count = 0

    private static var minCapacity: Int { 8 }
    /// A larger ring is freed when the queue becomes empty, so that a single burst does not keep its memory.
    private static var maxIdleCapacity: Int { 4096 }

    package init() {}

    deinit {
        for place in 0..<count { (ring.baseAddress.unsafelyUnwrapped + position(place)).deinitialize(count: 1) }
        ring.deallocate()
    }

    package var isEmpty: Bool { count == 0 }

    package mutating func append(_ element: consuming Element) {
        if count == ring.count { grow() }
        // The ring is not full, so it has memory.
        (ring.baseAddress.unsafelyUnwrapped + position(count)).initialize(to: element)
        count &+= 1
    }

    package mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = (ring.baseAddress.unsafelyUnwrapped + head).move()
        head = position(1)
        count &-= 1
        if count == 0, ring.count > Self.maxIdleCapacity { shrink() }
        return element
    }

    /// The index in the ring of the element at `place`, counted from the front.
    private func position(_ place: Int) -> Int { (head &+ place) & (ring.count &- 1) }

    /// Doubles the ring, and moves the front to its start.
    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(Self.minCapacity, ring.count * 2))
        let wrapped = larger.moveInitialize(fromContentsOf: ring[head...])
        _ = larger[wrapped...].moveInitialize(fromContentsOf: ring[..<head])
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

    /// Empties the queue, and returns the elements.
    mutating func takeAll() -> FIFO {
        var taken = FIFO()
        swap(&self, &taken)
        return taken
    }
}

// Sendable, because the queue owns its ring alone and cannot be copied; the compiler cannot see this of a pointer.
extension FIFO: @unchecked Sendable where Element: Sendable {}
