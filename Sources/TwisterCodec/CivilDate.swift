/// A moment in the Gregorian calendar in UTC, converted from and to seconds. Unix time has no leap seconds.
struct CivilDate: Equatable {
    var year: Int
    /// 1 to 12.
    var month: Int
    /// 1 to 31.
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int

    private static var secondsPerDay: Int64 { 86_400 }
    /// Days of 400 years, after which the calendar repeats.
    private static var daysPerEra: Int { 146_097 }
    /// Days from 0000-03-01, where an era starts (so that the leap day is the last of its year), to 1970-01-01.
    private static var daysToUnixEpoch: Int { 719_468 }

    init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    init(unixSeconds: Int64) {
        let (day, timeOfDay) = Self.floorDivision(unixSeconds, Self.secondsPerDay)
        let time = Int(timeOfDay)
        let (era, dayOfEra) = Self.floorDivision(Int(day) + Self.daysToUnixEpoch, Self.daysPerEra)
        // Without the leap days of the era, each of its years has 365 days.
        let leapDays = dayOfEra / 1_460 - dayOfEra / 36_524 + dayOfEra / (Self.daysPerEra - 1)
        let yearOfEra = (dayOfEra - leapDays) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // From March on, the lengths of the months repeat: 31, 30, 31, 30, 31 days, 153 days in five months.
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        self.day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        hour = time / 3_600
        minute = time / 60 % 60
        second = time % 60
    }

    private var daysSinceUnixEpoch: Int {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = Self.floorDivision(shifted, 400)
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * Self.daysPerEra + dayOfEra - Self.daysToUnixEpoch
    }

    var unixSeconds: Int64 {
        Int64(daysSinceUnixEpoch) * Self.secondsPerDay + Int64(hour * 3_600 + minute * 60 + second)
    }

    /// 0 is Sunday; 1970-01-01 was a Thursday.
    var weekday: Int { Self.floorDivision(daysSinceUnixEpoch + 4, 7).remainder }

    /// Whether each part is within its bounds, and the day within its month. A second of 60, a leap second, is allowed.
    var isValid: Bool {
        guard (1...12).contains(month), (0...23).contains(hour), (0...59).contains(minute) else { return false }
        guard (0...60).contains(second), (0...9_999).contains(year) else { return false }
        let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days =
            switch month {
            case 2: isLeapYear ? 29 : 28
            case 4, 6, 9, 11: 30
            default: 31
            }
        return (1...days).contains(day)
    }

    private static func floorDivision<Number: BinaryInteger>(
        _ dividend: Number, _ divisor: Number
    ) -> (quotient: Number, remainder: Number) {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
