import Glibc

/// A line of a log while it is made: plain memory that a thread uses again and again, so that making a line allocates
/// nothing.
package final class LogLine {
    // Release builds do not check the accesses for exclusivity, which would cost 2,000 instructions a line. Debug builds do.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var memory: UnsafeMutableRawBufferPointer
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var count = 0
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var isInUse = false
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var clock = LogClock()

    /// Memory for longer lines is given back after each.
    private static let keptSize = 16_384

    private init() { memory = .allocate(byteCount: 1024, alignment: 16) }

    deinit { memory.deallocate() }

    // MARK: The thread's line

    /// Calls `body` with an empty line of the calling thread.
    @inline(__always)
    package static func with<Result>(_ body: (LogLine) -> Result) -> Result {
        let line = ofThread()
        // The text of a value that is logged may be made by code that logs, too.
        if line.isInUse { return body(LogLine()) }
        line.isInUse = true
        line.count = 0
        defer {
            line.isInUse = false
            if line.memory.count > keptSize { line.shrink() }
        }
        return body(line)
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key) { pointer in
            if let pointer { Unmanaged<LogLine>.fromOpaque(pointer).release() }
        }
        precondition(result == 0, "pthread_key_create: \(result)")
        return key
    }()

    private static func ofThread() -> LogLine {
        if let pointer = pthread_getspecific(key) {
            return Unmanaged<LogLine>.fromOpaque(pointer).takeUnretainedValue()
        }
        let line = LogLine()
        pthread_setspecific(key, Unmanaged.passRetained(line).toOpaque())
        return line
    }

    @inline(never)
    private func shrink() {
        memory.deallocate()
        memory = .allocate(byteCount: 1024, alignment: 16)
    }

    // MARK: Bytes

    /// The bytes so far. They are valid until more follow.
    package var octets: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    /// Adds so many bytes at most, which `write` writes; it returns their number.
    @inline(__always)
    private func extend(by most: Int, _ write: (UnsafeMutableRawPointer) -> Int) {
        if memory.count - count < most { grow(by: most) }
        guard let start = memory.baseAddress else { return }
        count += write(start + count)
    }

    @inline(never)
    private func grow(by added: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(memory.count * 2, count + added), alignment: 16)
        larger.copyMemory(from: octets)
        memory.deallocate()
        memory = larger
    }

    @inline(__always)
    package func append(_ text: StaticString) {
        extend(by: text.utf8CodeUnitCount) {
            $0.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
            return text.utf8CodeUnitCount
        }
    }

    @inline(__always)
    package func append(_ byte: UInt8) {
        extend(by: 1) {
            $0.storeBytes(of: byte, as: UInt8.self)
            return 1
        }
    }

    /// Adds bytes as they are. The label makes sure that literals use the function for those.
    @inline(__always)
    package func append(octets: UnsafeRawBufferPointer) {
        guard let source = octets.baseAddress else { return }
        extend(by: octets.count) {
            $0.copyMemory(from: source, byteCount: octets.count)
            return octets.count
        }
    }

    /// Adds text that holds no character to be escaped.
    package func append(plain text: String) {
        var text = text
        text.withUTF8 { append(octets: UnsafeRawBufferPointer($0)) }
    }

    /// Adds a whole number.
    package func append(decimal number: Int) {
        extend(by: 20) { start in
            // Most numbers are short: states, sizes, parts of addresses.
            if 0..<10 ~= number {
                start.storeBytes(of: UInt8(ascii: "0") + UInt8(number), as: UInt8.self)
                return 1
            }
            // The digits come last first, so they are written from the end.
            var rest = number.magnitude
            var first = 20
            repeat {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                first -= 1
                start.storeBytes(of: UInt8(ascii: "0") + UInt8(digit), toByteOffset: first, as: UInt8.self)
                rest = quotient
            } while rest > 0
            if number < 0 {
                first -= 1
                start.storeBytes(of: UInt8(ascii: "-"), toByteOffset: first, as: UInt8.self)
            }
            start.copyMemory(from: start + first, byteCount: 20 - first)
            return 20 - first
        }
    }

    /// Adds the lowest digits of a number, with zeros before it.
    @inline(__always)
    package func append(_ number: Int, digits: Int) {
        extend(by: digits) { start in
            var rest = number
            for index in stride(from: digits - 1, through: 0, by: -1) {
                start.storeBytes(of: UInt8(ascii: "0") + UInt8(rest % 10), toByteOffset: index, as: UInt8.self)
                rest /= 10
            }
            return digits
        }
    }

    /// Adds a time in milliseconds, with two digits behind the point.
    package func append(milliseconds nanoseconds: UInt64) {
        let hundredths = Int(clamping: (nanoseconds + 5_000) / 10_000)
        append(decimal: hundredths / 100)
        append(UInt8(ascii: "."))
        append(hundredths % 100, digits: 2)
    }

    // MARK: Times

    /// Adds the local time as Tornado's logs have it: `261126 12:34:56`.
    package func appendShortTime() { append(octets: clock.shortTime()) }

    /// Adds the local time as web servers have it: `26/Nov/2026:12:34:56 +0100`.
    package func appendCommonTime() { append(octets: clock.commonTime()) }

    /// Adds the time in UTC with milliseconds, as in ISO 8601: `2026-11-26T11:34:56.789Z`.
    package func appendISOTime() {
        let (text, milliseconds) = clock.isoTime()
        append(octets: text)
        append(UInt8(ascii: "."))
        append(milliseconds, digits: 3)
        append(UInt8(ascii: "Z"))
    }
}

/// The current time as text, made once a second.
private struct LogClock {
    /// The part of a notation that is kept.
    private struct Text {
        var second = Int.min
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = 0
    }

    private var short = Text()
    private var common = Text()
    private var iso = Text()

    mutating func shortTime() -> UnsafeRawBufferPointer {
        Self.refresh(&short, Self.now(CLOCK_REALTIME_COARSE).tv_sec, isUTC: false, "%y%m%d %H:%M:%S")
    }

    mutating func commonTime() -> UnsafeRawBufferPointer {
        Self.refresh(&common, Self.now(CLOCK_REALTIME_COARSE).tv_sec, isUTC: false, "%d/%b/%Y:%H:%M:%S %z")
    }

    mutating func isoTime() -> (text: UnsafeRawBufferPointer, milliseconds: Int) {
        let now = Self.now(CLOCK_REALTIME)
        let text = Self.refresh(&iso, now.tv_sec, isUTC: true, "%Y-%m-%dT%H:%M:%S")
        return (text, Int(now.tv_nsec) / 1_000_000)
    }

    private static func now(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }

    /// The text of that second. It is valid until the next call: only this thread has it, and copies it at once.
    private static func refresh(
        _ text: inout Text, _ second: Int, isUTC: Bool, _ format: String
    ) -> UnsafeRawBufferPointer {
        if text.second != second {
            text.second = second
            var time = time_t(second)
            var date = tm()
            if isUTC { gmtime_r(&time, &date) } else { localtime_r(&time, &date) }
            text.count = text.bytes.withUnsafeMutableBytes { bytes in
                bytes.withMemoryRebound(to: CChar.self) { strftime($0.baseAddress, $0.count, format, &date) }
            }
        }
        return text.bytes.withUnsafeBytes { UnsafeRawBufferPointer(rebasing: $0[..<text.count]) }
    }
}
