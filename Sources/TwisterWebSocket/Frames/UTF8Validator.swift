/// Checks text as it comes, in pieces of any size: an invalid sequence is found at its first octet that cannot belong to text
/// (RFC 3629), and a sequence may be cut anywhere.
struct UTF8Validator {
    /// How many octets of the current sequence are missing.
    private var due: UInt8 = 0
    /// The range of the next octet.
    private var least: UInt8 = 0x80
    private var most: UInt8 = 0xBF

    /// Whether the text so far ends with a whole character.
    var isComplete: Bool { due == 0 }

    /// Takes the next octets. Returns false where they cannot belong to text.
    mutating func accepts(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let count = bytes.count
        var index = 0
        while index < count {
            if due == 0 {
                // Eight octets of ASCII at a time.
                while index &+ 8 <= count,
                    base.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index &+= 8
                }
                guard index < count else { break }
            }
            let octet = base.load(fromByteOffset: index, as: UInt8.self)
            index &+= 1
            if due > 0 {
                guard octet >= least, octet <= most else { return false }
                due &-= 1
                (least, most) = (0x80, 0xBF)
            } else if octet >= 0x80 {
                guard begins(octet) else { return false }
            }
        }
        return true
    }

    /// The first octet of a sequence of several.
    private mutating func begins(_ octet: UInt8) -> Bool {
        switch octet {
        case 0xC2...0xDF: due = 1
        case 0xE0: (due, least) = (2, 0xA0)
        case 0xE1...0xEC, 0xEE, 0xEF: due = 2
        // The surrogates are no characters.
        case 0xED: (due, most) = (2, 0x9F)
        case 0xF0: (due, least) = (3, 0x90)
        case 0xF1...0xF3: due = 3
        case 0xF4: (due, most) = (3, 0x8F)
        default: return false
        }
        return true
    }

    /// Whether all of `bytes` is text.
    static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        return validator.accepts(bytes) && validator.isComplete
    }
}
