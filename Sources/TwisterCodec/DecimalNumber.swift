/// Reads and writes whole numbers in decimal digits.
package enum DecimalNumber {
    /// The number. It is nil where there is no digit, any other octet, or a number too large for an `Int`.
    static func parse(_ digits: UnsafeRawBufferPointer) -> Int? {
        guard !digits.isEmpty else { return nil }
        var value = 0
        for byte in digits {
            guard CharacterClass.isDigit(byte) else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, tooLargeNow) = product.addingReportingOverflow(Int(byte &- ASCII.zero))
            guard !tooLarge, !tooLargeNow else { return nil }
            value = sum
        }
        return value
    }

    /// Writes a number that is not negative and returns the number of its digits, at most 20.
    @inline(__always)
    package static func write(_ number: Int, to destination: UnsafeMutableRawPointer) -> Int {
        var rest = number.magnitude
        let count = digitCount(rest)
        var index = count
        repeat {
            index &-= 1
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            destination.storeBytes(
                of: ASCII.zero &+ UInt8(truncatingIfNeeded: remainder), toByteOffset: index, as: UInt8.self)
            rest = quotient
        } while index > 0
        return count
    }

    @inline(__always)
    private static func digitCount(_ number: UInt) -> Int {
        var bound: UInt = 10
        var count = 1
        // The largest bound has nineteen zeros.
        while number >= bound, count < 20 {
            bound = bound &* 10
            count &+= 1
        }
        return count
    }
}
