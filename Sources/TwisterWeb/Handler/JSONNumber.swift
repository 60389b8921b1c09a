/// The numbers of JSON texts that Foundation's decoder takes for others: it reads a number with a fraction or an exponent as a
/// `Double`, also where an integer is wanted, so that 9007199254740992.5 and 1e-400 are the integers 9007199254740992 and 0.
enum JSONNumber {
    /// A `Double` holds all numbers of so many digits apart.
    private static var exactDigits: Int { 15 }
    /// No integer type has more digits.
    private static var mostDigits: Int { 39 }

    /// Whether a `Double` holds a number as a whole one that is not equal to it. `octets` is a number in JSON's syntax.
    static func isRounded(_ octets: Slice<UnsafeRawBufferPointer>) -> Bool {
        let exponentMark = octets.firstIndex { $0 | 0x20 == UInt8(ascii: "e") }
        let mantissa = octets[..<(exponentMark ?? octets.endIndex)]
        let point = mantissa.firstIndex(of: UInt8(ascii: "."))
        // Digits alone are read as an integer.
        guard point != nil || exponentMark != nil else { return false }
        if exponentMark == nil, mantissa.count <= exactDigits { return false }

        var digits = mantissa.filter { $0 >= UInt8(ascii: "0") }
        let fractionCount = point.map { mantissa.endIndex - $0 - 1 } ?? 0
        let exponent = exponentMark.map { exponentValue(octets[($0 + 1)...]) } ?? 0
        // The number is its digits with the point behind so many of them.
        var wholeCount = digits.count - fractionCount + exponent
        let leadingZeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(leadingZeros)
        wholeCount -= leadingZeros
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        guard !digits.isEmpty, wholeCount <= mostDigits else { return false }

        let text = String(decoding: octets, as: UTF8.self)
        guard let double = Double(text), double.isFinite, double.rounded() == double else { return false }
        guard digits.count <= wholeCount else { return true }
        let zeros = String(repeating: "0", count: wholeCount - digits.count)
        guard let nearest = UInt128(exactly: double.magnitude) else { return false }
        return nearest.description != String(decoding: digits, as: UTF8.self) + zeros
    }

    /// An exponent; a very large one instead of one that an `Int` does not hold.
    private static func exponentValue(_ octets: Slice<UnsafeRawBufferPointer>) -> Int {
        let text = String(decoding: octets, as: UTF8.self)
        let bound = 1 << 60
        let value = Int(text) ?? (text.hasPrefix("-") ? -bound : bound)
        return min(max(value, -bound), bound)
    }

    /// A text with another number in place of each of those: one with a fraction, which no integer type takes.
    static func replacing(_ numbers: [Range<Int>], in octets: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(octets.count)
        var index = 0
        for number in numbers {
            result += octets[index..<number.lowerBound]
            result += (octets[number.lowerBound] == UInt8(ascii: "-") ? "-0.5" : "0.5").utf8
            index = number.upperBound
        }
        return result + octets[index...]
    }
}
