/// A range of a head's octets.
@usableFromInline
package struct ByteRange: Sendable, Equatable {
    @usableFromInline package var start: UInt32
    @usableFromInline package var count: UInt32

    @inlinable
    package init(start: UInt32 = 0, count: UInt32 = 0) {
        self.start = start
        self.count = count
    }

    /// The limits of the parser keep both ends far below 32 bits.
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

/// Where one field line has its name and its value, which excludes the white space around it.
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

/// How often a field came that the server itself needs, and the index of its first line.
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
