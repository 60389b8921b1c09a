/// The Date field line of the second for which it was last requested, so that a busy server formats it once a second. Each
/// loop has one; threads cannot share it.
package final class CachedDate {
    /// "Date: Sun, 06 Nov 1994 08:49:37 GMT" CRLF.
    package static var lineCount: Int { 6 + HTTPDate.count + 2 }

    private let line: UnsafeMutableRawPointer
    private var second = Int64.min

    package init() {
        line = .allocate(byteCount: Self.lineCount, alignment: 8)
        line.copyMemory(from: ("Date: " as StaticString).utf8Start, byteCount: 6)
        line.storeBytes(of: ASCII.carriageReturn, toByteOffset: Self.lineCount - 2, as: UInt8.self)
        line.storeBytes(of: ASCII.lineFeed, toByteOffset: Self.lineCount - 1, as: UInt8.self)
    }

    deinit {
        line.deallocate()
    }

    /// Writes the line with its CRLF and returns the number of its octets.
    @inline(__always)
    func writeLine(at unixSeconds: Int64, to destination: UnsafeMutableRawPointer) -> Int {
        refresh(unixSeconds)
        destination.copyMemory(from: line, byteCount: Self.lineCount)
        return Self.lineCount
    }

    /// The value of the field. It is valid until another second is asked for.
    package func value(at unixSeconds: Int64) -> UnsafeRawBufferPointer {
        refresh(unixSeconds)
        return UnsafeRawBufferPointer(start: line + 6, count: HTTPDate.count)
    }

    @inline(__always)
    private func refresh(_ unixSeconds: Int64) {
        guard unixSeconds != second else { return }
        second = unixSeconds
        HTTPDate.write(unixSeconds, to: line + 6)
    }
}
