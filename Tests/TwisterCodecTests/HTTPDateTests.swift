import Glibc
import Testing

@testable import TwisterCodec

@Suite("HTTP dates")
struct HTTPDateTests {
    private func parse(_ text: String, now: Int64 = 1_700_000_000) -> Int64? {
        Array(text.utf8).withUnsafeBytes { HTTPDate.parse($0, now: now) }
    }

    @Test(
        "Known dates",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(Int64, String)])
    func known(seconds: Int64, text: String) {
        #expect(HTTPDate.string(seconds) == text)
        #expect(parse(text) == seconds)
    }

    @Test("Agrees with the C library on 20,000 moments, and reads back what it writes")
    func agreesWithC() {
        var seconds: Int64 = -10_000_000_000
        for step in 0..<20_000 {
            seconds += 1_234_567 + Int64(step)
            var time = time_t(seconds)
            var parts = tm()
            gmtime_r(&time, &parts)
            let date = CivilDate(unixSeconds: seconds)
            let isSame =
                date.year == Int(parts.tm_year) + 1900 && date.month == Int(parts.tm_mon) + 1
                && date.day == Int(parts.tm_mday) && date.hour == Int(parts.tm_hour)
                && date.minute == Int(parts.tm_min) && date.second == Int(parts.tm_sec)
                && date.weekday == Int(parts.tm_wday)
            if !isSame || parse(HTTPDate.string(seconds)) != seconds { Issue.record("\(seconds): \(date)") }
        }
    }

    @Test("Dates out of range become the first or the last date")
    func extremes() {
        #expect(HTTPDate.string(.max) == "Fri, 31 Dec 9999 23:59:59 GMT")
        #expect(HTTPDate.string(.min) == "Sat, 01 Jan 0000 00:00:00 GMT")
    }

    @Test("The obsolete forms are read")
    func obsolete() {
        #expect(parse("Sunday, 06-Nov-94 08:49:37 GMT") == 784_111_777)
        #expect(parse("Sun Nov  6 08:49:37 1994") == 784_111_777)
        #expect(parse("Sun Nov 16 08:49:37 1994") == 784_975_777)
        // 2023: "73" is fifty years ahead, "74" more than that.
        #expect(parse("Sunday, 01-Jan-73 00:00:00 GMT") == 3_250_454_400)
        #expect(parse("Tuesday, 01-Jan-74 00:00:00 GMT") == 126_230_400)
    }

    @Test(
        "RFC 9110 5.6.7: a year of two digits is the last one that is no more than fifty years ahead",
        arguments: [
            // Now is Sunday, 6 November 1994, 08:49:37.
            (784_111_777, "Sunday, 06-Nov-44 08:49:37 GMT", "Sun, 06 Nov 2044 08:49:37 GMT"),
            (784_111_777, "Sunday, 06-Nov-44 08:49:38 GMT", "Mon, 06 Nov 1944 08:49:38 GMT"),
            (784_111_777, "Monday, 07-Nov-44 00:00:00 GMT", "Tue, 07 Nov 1944 00:00:00 GMT"),
            (784_111_777, "Saturday, 31-Dec-44 23:59:59 GMT", "Sun, 31 Dec 1944 23:59:59 GMT"),
            (784_111_777, "Saturday, 01-Jan-00 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"),
            // Now is 14 November 2023.
            (1_700_000_000, "Sunday, 31-Dec-73 00:00:00 GMT", "Mon, 31 Dec 1973 00:00:00 GMT"),
            // Now is 29 February 2072: fifty years later there is no such day.
            (3_223_929_600, "Sunday, 28-Feb-22 00:00:00 GMT", "Sat, 28 Feb 2122 00:00:00 GMT"),
            (3_223_929_600, "Monday, 02-Mar-22 00:00:00 GMT", "Wed, 02 Mar 2022 00:00:00 GMT"),
        ] as [(Int64, String, String)])
    func century(now: Int64, text: String, expected: String) {
        #expect(parse(text, now: now).map(HTTPDate.string) == expected)
    }

    @Test(
        "Other texts are no dates",
        arguments: [
            "", "x", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Xxx, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08-49-37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov  6 08:49:37 199",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ])
    func invalid(text: String) {
        #expect(parse(text) == nil)
    }

    @Test("The cached line follows the clock")
    func cached() {
        let date = CachedDate()
        let text = { (seconds: Int64) in
            withUnsafeTemporaryAllocation(byteCount: CachedDate.lineCount, alignment: 1) { line in
                let count = line.baseAddress.map { date.writeLine(at: seconds, to: $0) } ?? 0
                return String(decoding: line[..<count], as: UTF8.self)
            }
        }
        #expect(text(784_111_777) == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
        #expect(text(784_111_777) == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
        #expect(text(784_111_778) == "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n")
        #expect(text(0) == "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")
    }
}
