/// One element of a pattern that is simple enough for the trie.
package enum PatternElement: Hashable, Sendable {
    /// These bytes, exactly.
    case literal([UInt8])
    /// Between `minimum` and `maximum` (nil: any number) bytes of the set, as many as possible first.
    case loop(ByteSet, minimum: Int, maximum: Int?)
    /// One of several literals: `(json|xml)`.
    case choice([[UInt8]])
    /// Group number n (from 0) begins.
    case open(Int)
    /// Group number n (from 0) ends.
    case close(Int)

    var isGroupMark: Bool {
        switch self {
        case .open, .close: true
        case .literal, .loop, .choice: false
        }
    }

    var isLiteral: Bool {
        if case .literal = self { true } else { false }
    }
}

extension [PatternElement] {
    /// The same elements, with literals that follow each other joined.
    var joiningLiterals: [PatternElement] {
        reduce(into: []) { joined, element in
            if case .literal(let more) = element, case .literal(let bytes)? = joined.last {
                joined[joined.count - 1] = .literal(bytes + more)
            } else {
                joined.append(element)
            }
        }
    }

    /// The same elements, with one literal for each byte.
    var splittingLiterals: [PatternElement] {
        flatMap { element -> [PatternElement] in
            if case .literal(let bytes) = element { bytes.map { .literal([$0]) } } else { [element] }
        }
    }
}

extension UInt8 {
    /// ASCII letters lowercased, everything else as it is.
    var lowercased: UInt8 { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= self ? self | 0x20 : self }

    var isASCIILetterOrDigit: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
