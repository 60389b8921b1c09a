/// Percent-encoding (RFC 3986 2.1) and its variant for forms.
package enum PercentCoding {
    /// The octets of a path or of a part of one, decoded. It is nil where a "%" is not followed by two hexadecimal digits.
    package static func decode(_ octets: UnsafeRawBufferPointer) -> [UInt8]? {
        guard octets.contains(ASCII.percent) else { return Array(octets) }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(octets.count)
        var index = 0
        while index < octets.count {
            if octets[index] == ASCII.percent {
                guard let byte = escapedByte(octets, index) else { return nil }
                decoded.append(byte)
                index += 3
            } else {
                decoded.append(octets[index])
                index += 1
            }
        }
        return decoded
    }

    /// A path or a part of one as text. It is nil for a malformed "%" and where the decoded octets are no UTF-8.
    package static func decodePath(_ octets: UnsafeRawBufferPointer) -> String? {
        guard octets.contains(ASCII.percent) else { return ClientText.validated(octets) }
        guard let decoded = decode(octets) else { return nil }
        return ClientText.validated(decoded)
    }

    /// A name or a value of a query or a form (WHATWG URL 5.1). "+" is a space, a malformed "%" is kept, and octets that are
    /// no UTF-8 become U+FFFD.
    package static func decodeForm(_ octets: UnsafeRawBufferPointer) -> String {
        withDecodedForm(octets) { ClientText.repaired($0) }
    }

    /// The same, but nil where the decoded octets are no UTF-8.
    package static func decodeValidForm(_ octets: UnsafeRawBufferPointer) -> String? {
        withDecodedForm(octets) { ClientText.validated($0) }
    }

    @inline(__always)
    private static func withDecodedForm<Result>(
        _ octets: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        guard octets.contains(where: { $0 == ASCII.percent || $0 == ASCII.plus }) else { return body(octets) }
        // Decoded text is never longer than its source.
        return withUnsafeTemporaryAllocation(byteCount: octets.count, alignment: 1) { buffer in
            let count = decodeForm(octets, to: buffer)
            return body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// The same as bytes, which need not be UTF-8.
    package static func decodeFormBytes(_ octets: UnsafeRawBufferPointer) -> [UInt8] {
        // All empty arrays share their memory, which must not be written.
        if octets.isEmpty { return [] }
        return [UInt8](unsafeUninitializedCapacity: octets.count) { buffer, count in
            count = decodeForm(octets, to: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// Returns the number of decoded bytes.
    private static func decodeForm(_ octets: UnsafeRawBufferPointer, to buffer: UnsafeMutableRawBufferPointer) -> Int {
        var index = 0
        var count = 0
        while index < octets.count {
            let byte = octets[index]
            if byte == ASCII.percent, let escaped = escapedByte(octets, index) {
                buffer[count] = escaped
                index += 3
            } else {
                buffer[count] = byte == ASCII.plus ? ASCII.space : byte
                index += 1
            }
            count += 1
        }
        return count
    }

    /// Text for a part of a path or a query, all but RFC 3986 `unreserved` percent-encoded.
    package static func encode(_ text: String) -> String {
        let encoded = escape(text.utf8) {
            CharacterClass.isLetter($0) || CharacterClass.isDigit($0) || isUnreservedMark($0)
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// A URI reference in the form that RFC 3986 allows, made of one that a client sent or a person wrote: characters beyond
    /// ASCII, space and ``"<>\^`{|}`` are percent-encoded. Percent signs and control characters do not change.
    package static func encodeReference(_ text: String) -> String {
        let isRefused = { (byte: UInt8) in byte >= 0x80 || " \"<>\\^`{|}".utf8.contains(byte) }
        guard text.utf8.contains(where: isRefused) else { return text }
        return String(decoding: escape(text.utf8) { !isRefused($0) }, as: UTF8.self)
    }

    /// The octets with those beyond ASCII percent-encoded.
    package static func encodeNonASCII(_ octets: UnsafeRawBufferPointer) -> [UInt8] { escape(octets) { $0 < 0x80 } }

    /// The text as one line of printable ASCII, for logs: all other characters are percent-encoded.
    package static func encodeUnprintable(_ text: String) -> String {
        String(decoding: escape(text.utf8) { 0x20..<0x7F ~= $0 }, as: UTF8.self)
    }

    /// The octets percent-encoded, all but those for which `staysPlain` returns true.
    package static func escape(_ octets: some Collection<UInt8>, unless staysPlain: (UInt8) -> Bool) -> [UInt8] {
        let digits: StaticString = "0123456789ABCDEF"
        var escaped: [UInt8] = []
        escaped.reserveCapacity(octets.count)
        for byte in octets {
            if staysPlain(byte) {
                escaped.append(byte)
            } else {
                escaped.append(ASCII.percent)
                escaped.append(digits.utf8Start[Int(byte >> 4)])
                escaped.append(digits.utf8Start[Int(byte & 15)])
            }
        }
        return escaped
    }

    private static func isUnreservedMark(_ byte: UInt8) -> Bool {
        byte == 0x2D || byte == ASCII.period || byte == 0x5F || byte == 0x7E
    }

    @inline(__always)
    private static func escapedByte(_ octets: UnsafeRawBufferPointer, _ index: Int) -> UInt8? {
        guard octets.count - index > 2, let high = CharacterClass.hexValue(octets[index + 1]),
            let low = CharacterClass.hexValue(octets[index + 2])
        else { return nil }
        return high << 4 | low
    }
}
