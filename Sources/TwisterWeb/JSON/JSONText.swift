import TwisterCodec

/// JSON text (RFC 8259) that grows at its end.
struct JSONText {
    private(set) var octets: [UInt8] = []

    /// A text with room for so many octets.
    init(capacity: Int) { octets.reserveCapacity(capacity) }

    var count: Int { octets.count }

    mutating func append(_ octet: UInt8) { octets.append(octet) }

    /// Adds text that needs no escapes: punctuation, names and numbers.
    mutating func append(plain text: String) {
        text.withOctets { octets.append(contentsOf: $0) }
    }

    /// Forgets what was added since the text had `count` octets.
    mutating func shorten(to count: Int) {
        octets.removeLast(octets.count - count)
    }

    /// Sorts elements by the octets with which they are written. They begin at `starts`, have a comma between them, and end where
    /// the text does.
    mutating func sortElements(_ starts: [Int]) {
        guard let first = starts.first else { return }
        let source = Array(octets[first...])
        var elements = starts.indices.map { index in
            starts[index] - first..<(index + 1 < starts.count ? starts[index + 1] - 1 : octets.count) - first
        }
        shorten(to: first)
        source.withUnsafeBytes { source in
            elements.sort { Self.precedes(source[$0], source[$1]) }
            for (index, element) in elements.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                octets.append(contentsOf: source[element])
            }
        }
    }

    private static func precedes(_ one: Slice<UnsafeRawBufferPointer>, _ other: Slice<UnsafeRawBufferPointer>) -> Bool {
        // The end of a name goes before all characters, so that a name goes before longer ones.
        func rank(_ octet: UInt8) -> UInt8 { octet == UInt8(ascii: "\"") ? 0 : octet }
        return one.lexicographicallyPrecedes(other) { rank($0) < rank($1) }
    }

    // MARK: Strings

    /// Adds a string with its quotation marks (RFC 8259, 7).
    ///
    /// `</` is written as `<\/`, which means the same, so that the text may stand in a script element of HTML. Tornado:
    /// `json_encode`.
    mutating func append(string text: String) {
        octets.append(UInt8(ascii: "\""))
        text.withOctets { append(escaping: $0) }
        octets.append(UInt8(ascii: "\""))
    }

    /// The octets between those that have to be escaped are copied at once.
    private mutating func append(escaping source: UnsafeRawBufferPointer) {
        var start = 0
        var index = Self.countOfPlainWords(source)
        while index < source.count {
            let octet = source[index]
            if Self.needsEscape(octet, after: index > 0 ? source[index - 1] : 0) {
                octets.append(contentsOf: UnsafeRawBufferPointer(rebasing: source[start..<index]))
                append(escapeOf: octet)
                start = index + 1
            }
            index += 1
        }
        octets.append(contentsOf: UnsafeRawBufferPointer(rebasing: source[start...]))
    }

    private static func needsEscape(_ octet: UInt8, after previous: UInt8) -> Bool {
        switch octet {
        case 0..<0x20, UInt8(ascii: "\""), UInt8(ascii: "\\"): true
        case UInt8(ascii: "/"): previous == UInt8(ascii: "<")
        default: false
        }
    }

    private mutating func append(escapeOf octet: UInt8) {
        switch octet {
        case UInt8(ascii: "\""): append(plain: "\\\"")
        case UInt8(ascii: "\\"): append(plain: "\\\\")
        case UInt8(ascii: "/"): append(plain: "\\/")
        case 0x08: append(plain: "\\b")
        case 0x09: append(plain: "\\t")
        case 0x0A: append(plain: "\\n")
        case 0x0C: append(plain: "\\f")
        case 0x0D: append(plain: "\\r")
        default:
            append(plain: octet < 0x10 ? "\\u000" : "\\u001")
            let digit = octet & 0x0F
            octets.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
        }
    }

    /// How many octets at the start are in words of eight of which none may need an escape. Most strings have no other
    /// words, and a word costs little more than an octet.
    private static func countOfPlainWords(_ source: UnsafeRawBufferPointer) -> Int {
        var index = 0
        while index + 8 <= source.count {
            let word = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let control = (word &- repeated(0x20)) & ~word
            let found =
                control | zeros(word, UInt8(ascii: "\"")) | zeros(word, UInt8(ascii: "\\"))
                | zeros(word, UInt8(ascii: "/"))
            if found & repeated(0x80) != 0 { break }
            index += 8
        }
        return index
    }

    private static func repeated(_ octet: UInt8) -> UInt64 { UInt64(octet) &* 0x0101_0101_0101_0101 }

    /// The highest bit of an octet is set where `octet` is in the word. It may also be set in octets above such a one.
    private static func zeros(_ word: UInt64, _ octet: UInt8) -> UInt64 {
        let difference = word ^ repeated(octet)
        return (difference &- repeated(1)) & ~difference
    }
}
