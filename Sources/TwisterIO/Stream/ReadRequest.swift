import Glibc

/// What a read waits for, and how far it has looked: a pure function of the bytes that it is offered, whose result does
/// not depend on how they are split.
struct ReadRequest {
    enum Goal {
        case delimiter([UInt8], maxBytes: Int)
        case pattern(BytePattern.Matcher, maxBytes: Int)
        case bytes(Int, partial: Bool)
        /// The caller's memory, into which bytes go as they come.
        case buffer(UnsafeMutableRawBufferPointer, partial: Bool)
        case untilClose
    }

    struct Result: Sendable {
        /// Empty for a read into the caller's memory.
        var bytes: [UInt8] = []
        var count: Int
    }

    private var goal: Goal
    /// Bytes that were searched already: each is looked at once, however many offers it takes.
    private var searched = 0
    /// Bytes of the caller's memory that are filled.
    private var filled = 0

    init(_ goal: Goal) { self.goal = goal }

    /// Whether it asks for everything up to the peer's end.
    var readsToEnd: Bool {
        if case .untilClose = goal { return true }
        return false
    }

    /// The bytes that a read has taken from the stream's buffer when it is given up.
    var taken: UnsafeRawBufferPointer {
        guard case .buffer(let memory, _) = goal else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: memory[..<filled])
    }

    /// Offers everything that is unread, old bytes first; returns how many of them are consumed, and the read's result
    /// where there is one.
    ///
    /// - Parameters:
    ///   - atEnd: no more will come.
    ///   - limit: the most bytes that may be waited with.
    /// - Throws: `UnsatisfiableReadError`, `StreamBufferFullError`.
    mutating func offer(
        _ bytes: UnsafeRawBufferPointer, atEnd: Bool, limit: Int
    ) throws -> (consumed: Int, result: Result?) {
        switch goal {
        case .delimiter(let delimiter, let maxBytes):
            let end = find(delimiter, in: bytes)
            try check(end ?? bytes.count, maxBytes, limit) { "delimiter \(printable(delimiter))" }
            return take(end, of: bytes)
        case .pattern(var matcher, let maxBytes):
            let end = matcher.firstEnd(in: bytes, from: searched)
            goal = .pattern(matcher, maxBytes: maxBytes)
            searched = bytes.count
            try check(end ?? bytes.count, maxBytes, limit) { "pattern \(matcher.pattern)" }
            return take(end, of: bytes)
        case .bytes(let count, let partial):
            let isThere = bytes.count >= count || (partial && !bytes.isEmpty)
            try check(partial ? 0 : min(bytes.count, count), .max, limit) { "" }
            return take(isThere ? min(bytes.count, count) : nil, of: bytes)
        case .buffer(let memory, let partial):
            return fill(memory, partial: partial, from: bytes)
        case .untilClose:
            try check(bytes.count, .max, limit) { "" }
            return take(atEnd ? bytes.count : nil, of: bytes)
        }
    }

    private func check(_ count: Int, _ maxBytes: Int, _ limit: Int, _ sought: () -> String) throws {
        if count > maxBytes { throw UnsatisfiableReadError(sought: sought(), maxBytes: maxBytes) }
        if count > limit { throw StreamBufferFullError(buffer: .read, limit: limit) }
    }

    private func take(_ count: Int?, of bytes: UnsafeRawBufferPointer) -> (consumed: Int, result: Result?) {
        guard let count else { return (0, nil) }
        return (count, Result(bytes: Array(bytes.prefix(count)), count: count))
    }

    /// Where the first `delimiter` ends.
    private mutating func find(_ delimiter: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        // A delimiter may lie across the border of what was searched.
        let from = max(0, searched - (delimiter.count - 1))
        searched = bytes.count
        guard let base = bytes.baseAddress, let first = delimiter.first else { return nil }
        var start = from
        while bytes.count - start >= delimiter.count {
            let room = bytes.count - start - delimiter.count + 1
            guard let found = memchr(base + start, CInt(first), room) else { return nil }
            start = UnsafeRawPointer(found) - base
            if memcmp(found, delimiter, delimiter.count) == 0 { return start + delimiter.count }
            start += 1
        }
        return nil
    }

    private mutating func fill(
        _ memory: UnsafeMutableRawBufferPointer, partial: Bool, from bytes: UnsafeRawBufferPointer
    ) -> (consumed: Int, result: Result?) {
        let count = min(memory.count - filled, bytes.count)
        if count > 0 {
            UnsafeMutableRawBufferPointer(rebasing: memory[filled...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            filled += count
        }
        let isDone = filled == memory.count || (partial && filled > 0)
        return (count, isDone ? Result(count: filled) : nil)
    }
}

/// Bytes as they are shown in messages: ASCII as it is, the rest in hexadecimal.
private func printable(_ bytes: [UInt8]) -> String {
    var text = "\""
    for byte in bytes.prefix(32) {
        switch byte {
        case 0x0A: text += "\\n"
        case 0x0D: text += "\\r"
        case 0x20..<0x7F: text.unicodeScalars.append(Unicode.Scalar(byte))
        default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return text + (bytes.count > 32 ? "...\"" : "\"")
}
