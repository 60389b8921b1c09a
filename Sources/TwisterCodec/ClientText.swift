/// Text that clients send: UTF-8 in which at most 30 combining marks follow each other (Unicode's UAX #15, section 13:
/// Stream-Safe Text Format). No language needs more. More of them are treated like octets that are no UTF-8.
///
/// Swift compares and hashes strings by canonical equivalence, for which it sorts the combining marks behind a letter. The time
/// grows with the square of their number: 60 KB of them in one header field kept a loop busy for more than a second.
package enum ClientText {
    /// The most combining marks in a row.
    package static let mostMarks = 30

    /// The octets as text. It is nil where they are no UTF-8, or have too many combining marks in a row.
    package static func validated(_ octets: UnsafeRawBufferPointer) -> String? {
        isSafe(octets) ? String(validating: octets, as: UTF8.self) : nil
    }

    package static func validated(_ octets: [UInt8]) -> String? { octets.withUnsafeBytes { validated($0) } }

    /// The octets as text, with U+FFFD in place of what is no UTF-8 and of each combining mark that is too many.
    package static func repaired(_ octets: UnsafeRawBufferPointer) -> String {
        let text = String(decoding: octets, as: UTF8.self)
        return isSafe(octets) ? text : withoutExcess(text)
    }

    package static func repaired(_ octets: [UInt8]) -> String { octets.withUnsafeBytes { repaired($0) } }

    /// Whether the octets, read as UTF-8, have no more combining marks in a row.
    package static func isSafe(_ octets: UnsafeRawBufferPointer) -> Bool {
        // A combining mark has at least two octets, and the UTF-8 of the first one, U+0300, begins with 0xCC.
        if octets.count <= 2 * mostMarks || !ByteScanner.contains(octets, atLeast: 0xCC) { return true }
        var run = MarkRun()
        return String(decoding: octets, as: UTF8.self).unicodeScalars.allSatisfy { run.takes($0) }
    }

    private static func withoutExcess(_ text: String) -> String {
        var safe = String.UnicodeScalarView()
        var run = MarkRun()
        for scalar in text.unicodeScalars { safe.append(run.takes(scalar) ? scalar : "\u{FFFD}") }
        return String(safe)
    }

    /// Counts the combining marks that follow each other.
    private struct MarkRun {
        private var count = 0

        /// Whether the scalar may follow those before it.
        mutating func takes(_ scalar: Unicode.Scalar) -> Bool {
            count = ClientText.isMark(scalar) ? count + 1 : 0
            return count <= ClientText.mostMarks
        }
    }

    /// Whether the scalar is reordered with others like it, or begins with one that is in its canonical decomposition.
    static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Latin; the ideographs; the syllables of Hangul. Most text has these, and to ask for their properties takes longer.
        case ..<0x300, 0x3100..<0xA66F, 0xAC00..<0xFB1E: false
        // These Tibetan vowels are composed of two marks each.
        case 0x0F73, 0x0F75, 0x0F81: true
        default: scalar.properties.canonicalCombiningClass != .notReordered
        }
    }
}
