extension HTTPDate {
    /// The seconds since 1970 of a date in one of the three forms that a recipient has to understand (RFC 9110 5.6.7):
    /// IMF-fixdate, the obsolete RFC 850 form and that of C's `asctime`. It is nil for anything else.
    ///
    /// `now` decides the century of the RFC 850 form: the date is the last one that is no more than fifty years ahead.
    package static func parse(_ octets: UnsafeRawBufferPointer, now: Int64) -> Int64? {
        guard octets.count >= 24 else { return nil }
        let date: CivilDate?
        if octets[3] == ASCII.comma {
            date = fixdate(octets)
        } else if octets[3] == ASCII.space {
            date = asctime(octets)
        } else {
            date = rfc850(octets, now: now)
        }
        guard let date, date.isValid else { return nil }
        return date.unixSeconds
    }

    /// "Sun, 06 Nov 1994 08:49:37 GMT"
    private static func fixdate(_ octets: UnsafeRawBufferPointer) -> CivilDate? {
        guard octets.count == count, matches(octets, "xxx, xx xxx xxxx xx:xx:xx GMT") else { return nil }
        guard index(of: octets, at: 0, in: dayNames) != nil, let month = index(of: octets, at: 8, in: monthNames),
            let day = number(octets, 5, 2), let year = number(octets, 12, 4)
        else { return nil }
        return civilDate(year, month + 1, day, octets, timeAt: 17)
    }

    /// "Sunday, 06-Nov-94 08:49:37 GMT"
    private static func rfc850(_ octets: UnsafeRawBufferPointer, now: Int64) -> CivilDate? {
        guard let comma = octets.firstIndex(of: ASCII.comma), (6...9).contains(comma),
            index(of: octets, at: 0, in: dayNames) != nil
        else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: octets[comma...])
        guard matches(rest, ", xx-xxx-xx xx:xx:xx GMT"), let day = number(rest, 2, 2),
            let month = index(of: rest, at: 5, in: monthNames), let shortYear = number(rest, 9, 2)
        else { return nil }
        var latest = CivilDate(unixSeconds: now)
        latest.year += 50
        let year = latest.year / 100 * 100 + shortYear
        guard var date = civilDate(year, month + 1, day, rest, timeAt: 12) else { return nil }
        if date.unixSeconds > latest.unixSeconds { date.year -= 100 }
        return date
    }

    /// "Sun Nov  6 08:49:37 1994"
    private static func asctime(_ octets: UnsafeRawBufferPointer) -> CivilDate? {
        guard octets.count == 24, matches(octets, "xxx xxx xx xx:xx:xx xxxx"),
            index(of: octets, at: 0, in: dayNames) != nil, let month = index(of: octets, at: 4, in: monthNames),
            let day = octets[8] == ASCII.space ? number(octets, 9, 1) : number(octets, 8, 2),
            let year = number(octets, 20, 4)
        else { return nil }
        return civilDate(year, month + 1, day, octets, timeAt: 11)
    }

    private static func civilDate(
        _ year: Int, _ month: Int, _ day: Int, _ octets: UnsafeRawBufferPointer, timeAt start: Int
    ) -> CivilDate? {
        guard let hour = number(octets, start, 2), let minute = number(octets, start + 3, 2),
            let second = number(octets, start + 6, 2)
        else { return nil }
        return CivilDate(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }

    /// Whether the octets match the pattern, in which "x" matches any octet.
    private static func matches(_ octets: UnsafeRawBufferPointer, _ pattern: StaticString) -> Bool {
        guard octets.count == pattern.utf8CodeUnitCount else { return false }
        for index in 0..<octets.count {
            let wanted = pattern.utf8Start[index]
            if wanted != UInt8(ascii: "x"), octets[index] != wanted { return false }
        }
        return true
    }

    private static func number(_ octets: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> Int? {
        DecimalNumber.parse(UnsafeRawBufferPointer(rebasing: octets[start..<(start + count)]))
    }

    /// The number of the three-letter name at that place.
    private static func index(of octets: UnsafeRawBufferPointer, at start: Int, in names: StaticString) -> Int? {
        (0..<(names.utf8CodeUnitCount / 3)).first { name in
            (0..<3).allSatisfy { octets[start + $0] == names.utf8Start[3 * name + $0] }
        }
    }
}
