/// A number of bytes, as limits have it: `.mebibytes(10)`, or `4096`.
public struct ByteCount: Sendable, Hashable, Comparable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// The number of bytes, 0 or more.
    public let bytes: Int

    /// Creates a count; a negative number becomes 0.
    public init(bytes: Int) { self.bytes = max(bytes, 0) }

    public init(integerLiteral value: Int) { self.init(bytes: value) }

    /// `count` bytes.
    public static func bytes(_ count: Int) -> ByteCount { ByteCount(bytes: count) }

    /// `count` times 1,024 bytes. A result that is too large for an `Int` becomes the largest one, here and below.
    public static func kibibytes(_ count: Int) -> ByteCount { scaled(count, by: 1 << 10) }

    /// `count` times 1,048,576 bytes.
    public static func mebibytes(_ count: Int) -> ByteCount { scaled(count, by: 1 << 20) }

    /// `count` times 1,073,741,824 bytes.
    public static func gibibytes(_ count: Int) -> ByteCount { scaled(count, by: 1 << 30) }

    private static func scaled(_ count: Int, by unit: Int) -> ByteCount {
        let (bytes, isTooLarge) = max(count, 0).multipliedReportingOverflow(by: unit)
        return ByteCount(bytes: isTooLarge ? .max : bytes)
    }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// The number in the largest unit that needs no fraction, such as "10 MiB".
    public var description: String {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] where bytes > 0 && bytes & (1 << shift - 1) == 0 {
            return "\(bytes >> shift) \(unit)"
        }
        return "\(bytes) bytes"
    }
}
