import HTTPTypes
import TwisterCodec
import TwisterIO

/// Makes identifiers of requests: seven characters that are random for each server, a hyphen, and a number that counts up.
/// They are short enough for Swift to keep them without an allocation.
struct RequestIDs {
    /// Makes those of requests that a server gave none, for handlers that ask for one.
    static let shared = ConditionLock(RequestIDs())

    /// The field that carries an identifier in both directions.
    static let fieldName = HTTPField.Name("X-Request-Id")
    /// Longer identifiers of clients are replaced by our own.
    private static let longest = 128

    private let prefix = UInt64.random(in: 0..<1 << 35)
    private var count: UInt64 = 0

    mutating func next() -> String {
        count &+= 1
        return String(unsafeUninitializedCapacity: 15) { buffer in
            Self.write(prefix, digits: 7, to: buffer, at: 0)
            buffer[7] = UInt8(ascii: "-")
            // Base 32, without leading zeros. After 34 billion requests the numbers begin again.
            let number = count & (1 << 35 - 1)
            let digits = max((68 - number.leadingZeroBitCount) / 5, 1)
            Self.write(number, digits: digits, to: buffer, at: 8)
            return 8 + digits
        }
    }

    /// The lowest digits of the number, in base 32.
    private static func write(
        _ number: UInt64, digits: Int, to buffer: UnsafeMutableBufferPointer<UInt8>, at start: Int
    ) {
        for index in 0..<digits {
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(5 * (digits - 1 - index))) & 31
            buffer[start + index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
        }
    }

    /// The identifier that a request came with. Only characters that are harmless in every log are accepted.
    static func received(_ head: RequestHead) -> String? {
        guard let fieldName else { return nil }
        return head.firstValueBytes(for: fieldName) { octets -> String? in
            guard (1...longest).contains(octets.count), octets.allSatisfy(isAllowed) else { return nil }
            return String(decoding: octets, as: UTF8.self)
        } ?? nil
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: "@"):
            true
        default: false
        }
    }
}
