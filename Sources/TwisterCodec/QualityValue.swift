/// Reads the weights of a list's elements, `;q=0.5` (RFC 9110 12.4.2).
enum QualityValue {
    /// The `q` among the parameters, which begin at `start`, in thousandths. It is 1000 where there is none, and nil where
    /// it is malformed.
    static func weight(_ element: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var position = start
        while position < element.count {
            let end = element[(position + 1)...].firstIndex(of: ASCII.semicolon) ?? element.count
            let parameter = TokenList.trimmed(UnsafeRawBufferPointer(rebasing: element[(position + 1)..<end]))
            if parameter.count >= 2, parameter[0] | 0x20 == UInt8(ascii: "q"), parameter[1] == ASCII.equals {
                return parse(UnsafeRawBufferPointer(rebasing: parameter[2...]))
            }
            position = end
        }
        return 1000
    }

    /// Reads `0[.123]` or `1[.000]`, in thousandths.
    private static func parse(_ text: UnsafeRawBufferPointer) -> Int? {
        guard let first = text.first, text.count <= 5, first == ASCII.zero || first == ASCII.zero + 1 else {
            return nil
        }
        var value = Int(first - ASCII.zero) * 1000
        guard text.count > 1 else { return value }
        guard text[1] == ASCII.period else { return nil }
        var unit = 100
        for digit in text[2...] {
            guard CharacterClass.isDigit(digit) else { return nil }
            value += Int(digit - ASCII.zero) * unit
            unit /= 10
        }
        return value <= 1000 ? value : nil
    }
}
