import FoundationEssentials
import TwisterIO

/// The text of signed and encrypted values, whose size is limited in both directions: what is made can be read.
enum ValueText {
    static let maxSize = 65_536

    static func string(_ octets: [UInt8]) throws(SignedValueError) -> String {
        guard octets.count <= maxSize else { throw .tooLong(octets.count) }
        return String(decoding: octets, as: UTF8.self)
    }

    /// The octets of a text that is short enough to be read.
    static func octets(_ text: String) -> [UInt8]? { text.utf8.count <= maxSize ? Array(text.utf8) : nil }
}

/// The time of signed and encrypted values, of sessions and of stored values, in seconds since 1970.
enum ValueTime {
    static let secondsPerDay: Double = 86_400

    /// The time of day, which a test moves together with its loop's clock.
    static var now: Double {
        Date().timeIntervalSince1970 + Double(IOLoop.currentIfAny?.virtualTime ?? 0) / 1_000_000_000
    }

    /// The whole seconds of a time; of the system's time where it is nil.
    static func stamp(_ time: Double?) throws(SignedValueError) -> Int {
        let time = time ?? now
        guard time >= 0, time < 1e15 else { throw .timeOutOfRange(time) }
        return Int(time)
    }

    /// Whether a value of that time is too old. It is too old, too, where an argument is not a number.
    static func isExpired(_ stamp: Int, maxAgeDays: Double, now: Double) -> Bool {
        !(Double(stamp) >= now - maxAgeDays * secondsPerDay)
    }
}
