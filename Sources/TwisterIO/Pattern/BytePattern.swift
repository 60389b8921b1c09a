/// A regular expression over bytes, for `readUntilRegex`.
///
/// Literals (non-ASCII ones as their UTF-8 bytes), `.` (any byte but a line feed), classes `[a-z]` and `[^...]`, `\d \w
/// \s` and their complements, `\r \n \t \f \v \0 \xHH`, groups `(...)` and `(?:...)`, `|`, and the repetitions `* + ? {m}
/// {m,} {m,n}`. There are no captures, anchors, look-arounds and back-references, because a pattern only finds the end of a
/// read. Every pattern is matched in time linear in the number of bytes.
public struct BytePattern: Sendable, CustomStringConvertible {
    /// A pattern is malformed or cannot be used.
    public struct SyntaxError: Error, CustomStringConvertible, Sendable {
        /// The pattern as it was written.
        public let pattern: String
        /// The reason.
        public let problem: String

        public var description: String { "pattern \(pattern): \(problem)" }
    }

    /// The pattern's text.
    public let description: String
    let program: [BytePatternInstruction]

    /// - Throws: `SyntaxError`, also for a pattern that matches the empty string.
    public init(_ text: String) throws(SyntaxError) {
        description = text
        do throws(BytePatternParser.Problem) {
            var parser = BytePatternParser(text)
            program = try BytePatternCompiler.program(try parser.parse())
        } catch {
            throw SyntaxError(pattern: text, problem: error.text)
        }
        guard !matcher().matchesEmpty else {
            throw SyntaxError(pattern: text, problem: "it matches the empty string")
        }
    }

    func matcher() -> Matcher { Matcher(self) }
}

/// A set of byte values.
struct ByteClass: Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init() {}
    init(_ range: ClosedRange<UInt8>) { for byte in range { insert(byte) } }

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let word =
            switch byte >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return word & (1 << UInt64(byte & 63)) != 0
    }

    mutating func insert(_ byte: UInt8) {
        let bit: UInt64 = 1 << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    mutating func formUnion(_ other: ByteClass) {
        words = (
            words.0 | other.words.0, words.1 | other.words.1, words.2 | other.words.2, words.3 | other.words.3
        )
    }

    var inverted: ByteClass {
        var result = ByteClass()
        result.words = (~words.0, ~words.1, ~words.2, ~words.3)
        return result
    }
}
