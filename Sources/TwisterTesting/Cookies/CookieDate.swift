import TwisterCodec

/// Reads the attribute `Expires` as user agents do (RFC 6265, 5.1.1): a time, a day, the name of a month and a year with two to
/// four digits, in any order and with any separators.
enum CookieDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// The seconds since 1970; nil where one of the four is missing, or is no part of a date.
    static func parse(_ text: String) -> Int64? {
        var time: [Int]?
        var day: Int?
        var month: String?
        var year: Int?
        for token in text.utf8.split(whereSeparator: isDelimiter) {
            if time == nil, let found = self.time(token) {
                time = found
            } else if day == nil, let found = number(token, digits: 1...2) {
                day = found
            } else if month == nil, let found = self.month(token) {
                month = found
            } else if year == nil, let found = number(token, digits: 2...4) {
                year = found < 70 ? found + 2000 : found < 100 ? found + 1900 : found
            }
        }
        guard let time, let day, let month, let year, year >= 1601, time[2] < 60 else { return nil }
        // The day of the week is not checked.
        let clock = time.map(twoDigits).joined(separator: ":")
        let date = "Thu, \(twoDigits(day)) \(month) \(year) \(clock) GMT"
        return Array(date.utf8).withUnsafeBytes { HTTPDate.parse($0, now: 0) }
    }

    private static func isDelimiter(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x09, 0x20...0x2F, 0x3B...0x40, 0x5B...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    private static func isDigit(_ octet: UInt8) -> Bool { 0x30...0x39 ~= octet }

    /// The number with which a token begins, if it has that many digits there.
    private static func number(_ token: Substring.UTF8View, digits: ClosedRange<Int>) -> Int? {
        let found = token.prefix(while: isDigit)
        return digits.contains(found.count) ? Int(Substring(found)) : nil
    }

    /// Hours, minutes and seconds.
    private static func time(_ token: Substring.UTF8View) -> [Int]? {
        let parts = token.split(separator: 0x3A, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].allSatisfy(isDigit), parts[1].allSatisfy(isDigit) else { return nil }
        let numbers = parts.compactMap { number($0, digits: 1...2) }
        return numbers.count == 3 ? numbers : nil
    }

    private static func month(_ token: Substring.UTF8View) -> String? {
        let name = Substring(token.prefix(3)).lowercased()
        return months.first { $0.lowercased() == name }
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
