/// Reads and compares octets, eight at a time where there are eight.
@usableFromInline
package enum Octets {
    /// Whether `count` octets are equal in both places.
    @inlinable
    @inline(__always)
    package static func areEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, count: Int) -> Bool {
        guard count >= 8 else {
            var index = 0
            while index < count {
                guard
                    left.load(fromByteOffset: index, as: UInt8.self)
                        == right.load(fromByteOffset: index, as: UInt8.self)
                else { return false }
                index &+= 1
            }
            return true
        }
        var index = 0
        while index < count &- 8 {
            guard word(left, at: index) == word(right, at: index) else { return false }
            index &+= 8
        }
        // The last word may overlap the one before.
        return word(left, at: count &- 8) == word(right, at: count &- 8)
    }

    /// Eight octets as a number, of which the first octet is the lowest.
    @inlinable
    @inline(__always)
    package static func word(_ base: UnsafeRawPointer, at offset: Int) -> UInt64 {
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Whether the octets are those of the text.
    static func equal(_ octets: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        octets.count == text.utf8CodeUnitCount && octets.indices.allSatisfy { octets[$0] == text.utf8Start[$0] }
    }

    /// Whether the octets are UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
    @inline(never)
    static func isUTF8(_ octets: UnsafeRawBufferPointer) -> Bool {
        octets.withMemoryRebound(to: UInt8.self) { (try? UTF8Span(validating: $0.span)) != nil }
    }
}
