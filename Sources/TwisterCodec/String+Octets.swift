extension String {
    /// Calls `body` with the text's UTF-8 octets. Strings that Swift made itself are not copied.
    @inlinable
    @inline(__always)
    package func withOctets<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        utf8.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) } ?? withCopiedOctets(body)
    }

    /// A function of its own, so that code that inlines `withOctets` contains `body` only once.
    @usableFromInline
    @inline(never)
    func withCopiedOctets<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var native = self
        return native.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }

    /// The text with `&`, `<`, `>`, `"` and `'` as character references: safe in HTML and XML, in text and in quoted
    /// attributes.
    package var escapedForHTML: String {
        guard utf8.contains(where: { "&<>\"'".utf8.contains($0) }) else { return self }
        var escaped: [UInt8] = []
        escaped.reserveCapacity(utf8.count + 16)
        for byte in utf8 {
            switch byte {
            case ASCII.ampersand: escaped += "&amp;".utf8
            case UInt8(ascii: "<"): escaped += "&lt;".utf8
            case UInt8(ascii: ">"): escaped += "&gt;".utf8
            case ASCII.quote: escaped += "&quot;".utf8
            case UInt8(ascii: "'"): escaped += "&#x27;".utf8
            default: escaped.append(byte)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
