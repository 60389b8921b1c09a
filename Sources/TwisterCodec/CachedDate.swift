/// The Date field line of the second that it was last asked for, so that a busy server formats it once a second. One
/// per loop; it is not for sharing between threads.
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

    /// Writes the whole line, its CRLF included, and returns how many octets it has.
    @inline(__always)
    func writeLine(at unixSeconds: Int64, to destination: UnsafeMutableRawPointer) -> Int {
        refresh(unixSeconds)
        destination.copyMemory(from: line, byteCount: Self.lineCount)
        return Self.lineCount
    }

    /// Calls `body` with the 29 octets of the date alone.
    package func withDate<Result>(at unixSeconds: Int64, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        refresh(unixSeconds)
        return withExtendedLifetime(self) {
            body(UnsafeRawBufferPointer(start: line + 6, count: HTTPDate.count))
        }
    }

    @inline(__always)
    private func refresh(_ unixSeconds: Int64) {
        guard unixSeconds != second else { return }
        second = unixSeconds
        HTTPDate.write(unixSeconds, to: line + 6)
    }
}
