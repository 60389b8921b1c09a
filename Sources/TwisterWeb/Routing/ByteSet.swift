/// A set of byte values: what one character class of a pattern accepts.
package struct ByteSet: Hashable, Sendable {
    /// One bit a byte value, 64 to a word.
    private var words: SIMD4<UInt64> = .zero

    package init() {}

    package init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { insert(byte) }
    }

    package static let all = ByteSet(UInt8.min...UInt8.max)
    /// `\d`
    package static let digits = ByteSet(UInt8(ascii: "0")...UInt8(ascii: "9"))
    /// `\w`
    package static let word = ByteSet(UInt8(ascii: "a")...UInt8(ascii: "z"))
        .union(ByteSet(UInt8(ascii: "A")...UInt8(ascii: "Z")))
        .union(digits)
        .union(ByteSet([UInt8(ascii: "_")]))
    /// `\s`
    package static let whitespace = ByteSet([0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D])
    /// `.`
    package static let anyButNewline = ByteSet([0x0A]).inverted

    package var isEmpty: Bool { words == .zero }

    package func contains(_ byte: UInt8) -> Bool {
        words[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0
    }

    package mutating func insert(_ byte: UInt8) {
        words[Int(byte >> 6)] |= 1 << UInt64(byte & 63)
    }

    package var inverted: ByteSet {
        var result = self
        result.words = ~words
        return result
    }

    package func union(_ other: ByteSet) -> ByteSet {
        var result = self
        result.words = words | other.words
        return result
    }

    package func isDisjoint(with other: ByteSet) -> Bool { words & other.words == .zero }

    package func isSuperset(of other: ByteSet) -> Bool { other.words & ~words == .zero }

    /// The members in ascending order.
    package var members: [UInt8] {
        var members: [UInt8] = []
        for index in 0..<4 {
            var rest = words[index]
            while rest != 0 {
                members.append(UInt8(index * 64 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        return members
    }

    /// The same set with the other case of each ASCII letter added.
    package var addingOtherCase: ByteSet {
        var result = self
        for upper in UInt8(ascii: "A")...UInt8(ascii: "Z") where contains(upper) || contains(upper | 0x20) {
            result.insert(upper)
            result.insert(upper | 0x20)
        }
        return result
    }

    /// The same set without ASCII letters in upper case.
    package var removingUppercase: ByteSet {
        inverted.union(ByteSet(UInt8(ascii: "A")...UInt8(ascii: "Z"))).inverted
    }
}
