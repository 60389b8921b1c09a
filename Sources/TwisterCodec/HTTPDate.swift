/// Dates in the form that HTTP uses: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7, IMF-fixdate).
package enum HTTPDate {
    /// The number of octets of a date.
    package static var count: Int { 29 }

    static var dayNames: StaticString { "SunMonTueWedThuFriSat" }
    static var monthNames: StaticString { "JanFebMarAprMayJunJulAugSepOctNovDec" }
    /// The first and the last second of the years with four digits.
    private static var range: ClosedRange<Int64> { -62_167_219_200...253_402_300_799 }

    /// Writes the 29 octets of a date. Seconds since 1970 outside of the years 0 to 9999 become the first or the last second
    /// of these years.
    package static func write(_ unixSeconds: Int64, to destination: UnsafeMutableRawPointer) {
        let seconds = min(max(unixSeconds, range.lowerBound), range.upperBound)
        let date = CivilDate(unixSeconds: seconds)
        copyName(dayNames, date.weekday, to: destination)
        destination.storeBytes(of: ASCII.comma, toByteOffset: 3, as: UInt8.self)
        destination.storeBytes(of: ASCII.space, toByteOffset: 4, as: UInt8.self)
        writeTwoDigits(date.day, to: destination + 5)
        destination.storeBytes(of: ASCII.space, toByteOffset: 7, as: UInt8.self)
        copyName(monthNames, date.month - 1, to: destination + 8)
        destination.storeBytes(of: ASCII.space, toByteOffset: 11, as: UInt8.self)
        writeTwoDigits(date.year / 100, to: destination + 12)
        writeTwoDigits(date.year % 100, to: destination + 14)
        destination.storeBytes(of: ASCII.space, toByteOffset: 16, as: UInt8.self)
        writeTwoDigits(date.hour, to: destination + 17)
        destination.storeBytes(of: ASCII.colon, toByteOffset: 19, as: UInt8.self)
        writeTwoDigits(date.minute, to: destination + 20)
        destination.storeBytes(of: ASCII.colon, toByteOffset: 22, as: UInt8.self)
        writeTwoDigits(date.second, to: destination + 23)
        (destination + 25).copyMemory(from: (" GMT" as StaticString).utf8Start, byteCount: 4)
    }

    /// The date as text.
    package static func string(_ unixSeconds: Int64) -> String {
        String(unsafeUninitializedCapacity: count) { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            write(unixSeconds, to: UnsafeMutableRawPointer(base))
            return count
        }
    }

    private static func copyName(_ names: StaticString, _ index: Int, to destination: UnsafeMutableRawPointer) {
        destination.copyMemory(from: names.utf8Start + 3 * index, byteCount: 3)
    }

    private static func writeTwoDigits(_ number: Int, to destination: UnsafeMutableRawPointer) {
        destination.storeBytes(of: ASCII.zero &+ UInt8(truncatingIfNeeded: number / 10), as: UInt8.self)
        destination.storeBytes(
            of: ASCII.zero &+ UInt8(truncatingIfNeeded: number % 10), toByteOffset: 1, as: UInt8.self)
    }
}
