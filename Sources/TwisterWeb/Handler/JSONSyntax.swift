import TwisterCodec

/// The syntax of JSON (RFC 8259), by which a body that is no JSON at all (400) is told from one that holds another value than
/// the handler wants (422). Foundation's decoder throws the same error for both, and takes some texts that are no JSON: those
/// with a comma behind the last value of an object or a list.
struct JSONSyntax {
    /// Why a text is refused.
    enum Mistake: Error {
        case malformed
        /// A name stands twice in one object. RFC 8259, 4 lets readers do what they like with such an object, RFC 7493, 2.3
        /// forbids it. Two readers of one text, such as a gateway and this server, could take different values from it.
        case duplicateName
    }

    /// How deep lists and objects may be nested; Foundation's limit.
    static let maxDepth = 512

    private let octets: UnsafeRawBufferPointer
    private var index = 0
    /// What closes the objects and lists that are open.
    private var closers: [UInt8] = []
    /// Where the numbers are that are whole only once they are rounded.
    private var roundedNumbers: [Range<Int>] = []
    private var names: JSONMemberNames
    private var hasDuplicateName = false

    private init(_ octets: UnsafeRawBufferPointer) {
        self.octets = octets
        names = JSONMemberNames(octets)
    }

    /// Whether octets are one JSON text in UTF-8, without a byte order mark, whose objects have no name twice, and whose strings
    /// have no more combining marks in a row than `ClientText` allows: the decoder hashes the names of members. Takes linear
    /// time.
    static func isWellFormed(_ octets: [UInt8]) -> Bool { (try? roundedNumbers(octets)) != nil }

    /// Where in a text the numbers are that a `Double` holds as another whole number.
    static func roundedNumbers(_ octets: [UInt8]) throws(Mistake) -> [Range<Int>] {
        let result = octets.withUnsafeBytes { octets in
            Result { () throws(Mistake) in
                var syntax = JSONSyntax(octets)
                guard syntax.takeText(), ClientText.validated(octets) != nil else { throw .malformed }
                guard !syntax.hasDuplicateName else { throw .duplicateName }
                return syntax.roundedNumbers
            }
        }
        return try result.get()
    }

    /// Nesting costs no stack: what is open is noted in `closers`.
    private mutating func takeText() -> Bool {
        while true {
            skipWhitespace()
            guard let first = take() else { return false }
            switch first {
            case UInt8(ascii: "{"):
                guard open(UInt8(ascii: "}")) else { return false }
                if !takeEmpty() {
                    guard takeKey() else { return false }
                    continue
                }
            case UInt8(ascii: "["):
                guard open(UInt8(ascii: "]")) else { return false }
                if !takeEmpty() { continue }
            case UInt8(ascii: "\""): guard takeString() else { return false }
            case UInt8(ascii: "t"): guard takeRest(of: "rue") else { return false }
            case UInt8(ascii: "f"): guard takeRest(of: "alse") else { return false }
            case UInt8(ascii: "n"): guard takeRest(of: "ull") else { return false }
            default: guard takeNumber(first) else { return false }
            }
            switch closeValues() {
            case .end: return true
            case .next: continue
            case .malformed: return false
            }
        }
    }

    // MARK: Objects and lists

    private enum Continuation { case next, end, malformed }

    private mutating func open(_ closer: UInt8) -> Bool {
        guard closers.count < Self.maxDepth else { return false }
        closers.append(closer)
        if closer == UInt8(ascii: "}") { names.openObject() }
        return true
    }

    private mutating func close() {
        if closers.popLast() == UInt8(ascii: "}"), !names.closeObject() { hasDuplicateName = true }
    }

    /// Closes the object or list that was opened last, if nothing is in it.
    private mutating func takeEmpty() -> Bool {
        skipWhitespace()
        guard index < octets.count, octets[index] == closers.last else { return false }
        index += 1
        close()
        return true
    }

    /// Behind a value: closes what ends here, and goes on to the next value, if there is one.
    private mutating func closeValues() -> Continuation {
        while let closer = closers.last {
            skipWhitespace()
            switch take() {
            case closer: close()
            case UInt8(ascii: ","): return closer == UInt8(ascii: "]") || takeKey() ? .next : .malformed
            default: return .malformed
            }
        }
        skipWhitespace()
        return index == octets.count ? .end : .malformed
    }

    private mutating func takeKey() -> Bool {
        skipWhitespace()
        let start = index + 1
        guard take() == UInt8(ascii: "\""), takeString() else { return false }
        names.add(start..<(index - 1))
        skipWhitespace()
        return take() == UInt8(ascii: ":")
    }

    // MARK: Single values

    /// The rest of a string, whose opening quote is taken.
    private mutating func takeString() -> Bool {
        let start = index
        // Combining marks that are not escaped are checked with the whole text.
        var escapesMarks = false
        while let octet = take() {
            switch octet {
            case UInt8(ascii: "\""):
                let string = UnsafeRawBufferPointer(rebasing: octets[start..<(index - 1)])
                return !escapesMarks || JSONEscapes.decoded(string).withUnsafeBytes { ClientText.isSafe($0) }
            case 0..<0x20: return false
            case UInt8(ascii: "\\"):
                guard let escape = take() else { return false }
                if escape == UInt8(ascii: "u") {
                    guard let unit = takeUnit() else { return false }
                    if unit >= 0x300 { escapesMarks = true }
                } else if !"\"\\/bfnrt".utf8.contains(escape) {
                    return false
                }
            default: break
            }
        }
        return false
    }

    /// The four digits behind `\u`.
    private mutating func takeUnit() -> UInt16? {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = take(), let value = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
            unit = unit << 4 | UInt16(value)
        }
        return unit
    }

    private mutating func takeNumber(_ first: UInt8) -> Bool {
        let start = index - 1
        guard takeDigits(first) else { return false }
        let number = start..<index
        if JSONNumber.isRounded(octets[number]) { roundedNumbers.append(number) }
        return true
    }

    private mutating func takeDigits(_ first: UInt8) -> Bool {
        var digit: UInt8? = first
        if first == UInt8(ascii: "-") { digit = take() }
        guard let digit, Self.isDigit(digit) else { return false }
        // A number does not begin with a zero that says nothing.
        if digit != UInt8(ascii: "0") { _ = skipDigits() }
        if peek == UInt8(ascii: ".") {
            index += 1
            guard skipDigits() else { return false }
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            index += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { index += 1 }
            guard skipDigits() else { return false }
        }
        return true
    }

    private mutating func takeRest(of word: StaticString) -> Bool {
        word.withUTF8Buffer { $0.allSatisfy { take() == $0 } }
    }

    // MARK: Octets

    private var peek: UInt8? { index < octets.count ? octets[index] : nil }

    private mutating func take() -> UInt8? {
        guard index < octets.count else { return nil }
        defer { index += 1 }
        return octets[index]
    }

    private mutating func skipWhitespace() {
        while let octet = peek, octet == 0x20 || octet == 0x09 || octet == 0x0A || octet == 0x0D { index += 1 }
    }

    /// Whether there was at least one.
    private mutating func skipDigits() -> Bool {
        let start = index
        while let octet = peek, Self.isDigit(octet) { index += 1 }
        return index > start
    }

    private static func isDigit(_ octet: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) }
}
