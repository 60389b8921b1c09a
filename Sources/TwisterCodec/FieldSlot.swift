/// A piece of a request's head: where it starts in the head's own storage and how long it is.
@usableFromInline
package struct ByteRange: Sendable, Equatable {
    @usableFromInline package var start: UInt32
    @usableFromInline package var count: UInt32

    @inlinable
    package init(start: UInt32 = 0, count: UInt32 = 0) {
        self.start = start
        self.count = count
    }

    /// Both ends come from a parser whose limits keep them far below 32 bits.
    @inline(__always)
    init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: end &- start)
    }

    @inline(__always)
    var end: Int { Int(start) &+ Int(count) }

    @inlinable
    package var isEmpty: Bool { count == 0 }
}

/// One field line: its name and its value, white space around the value taken away.
@usableFromInline
package struct FieldSlot: Sendable {
    @usableFromInline package var name: ByteRange
    @usableFromInline package var value: ByteRange

    @inline(__always)
    init(name: ByteRange, value: ByteRange) {
        self.name = name
        self.value = value
    }
}

/// Where a field that the server itself needs was seen: how often, and at which place the first time.
@usableFromInline
package struct FieldOccurrence: Sendable, Equatable {
    @usableFromInline package var count: UInt16 = 0
    @usableFromInline package var first: UInt16 = 0

    init() {}

    @inline(__always)
    mutating func note(_ index: Int) {
        if count == 0 { first = UInt16(truncatingIfNeeded: index) }
        count &+= 1
    }

    @inlinable
    package var isPresent: Bool { count != 0 }
}
