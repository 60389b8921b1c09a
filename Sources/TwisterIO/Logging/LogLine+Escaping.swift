/// Escaping text of others: what a client sends must neither end a line of the log and forge another one, nor reach the
/// terminal as a command.
extension LogLine {
    /// Adds text for people: control characters are escaped (`\n`, `\t`, `\x1B`), everything else stays.
    package func append(escaping text: String) {
        var text = text
        text.withUTF8 { octets in
            let octets = UnsafeRawBufferPointer(octets)
            var start = 0
            var index = 0
            while index < octets.count {
                let byte = octets[index]
                // The control characters above ASCII begin with C2 in UTF-8; terminals act on some of them, too.
                let isHighControl = byte == 0xC2 && index + 1 < octets.count && octets[index + 1] < 0xA0
                guard byte < 0x20 || byte == 0x7F || isHighControl else {
                    index += 1
                    continue
                }
                append(octets: UnsafeRawBufferPointer(rebasing: octets[start..<index]))
                switch byte {
                case UInt8(ascii: "\n"): append("\\n")
                case UInt8(ascii: "\r"): append("\\r")
                case UInt8(ascii: "\t"): append("\\t")
                default: appendHex(isHighControl ? octets[index + 1] : byte)
                }
                index += isHighControl ? 2 : 1
                start = index
            }
            append(octets: UnsafeRawBufferPointer(rebasing: octets[start...]))
        }
    }

    /// Adds bytes between quotation marks as nginx does: those, backslashes, control characters and bytes beyond ASCII
    /// become `\xHH`.
    package func append(quoting octets: UnsafeRawBufferPointer) {
        var start = 0
        for index in octets.indices {
            let byte = octets[index]
            guard byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                continue
            }
            append(octets: UnsafeRawBufferPointer(rebasing: octets[start..<index]))
            appendHex(byte)
            start = index + 1
        }
        append(octets: UnsafeRawBufferPointer(rebasing: octets[start...]))
    }

    private func appendHex(_ byte: UInt8) {
        append("\\x")
        append(Self.hexDigit(byte >> 4))
        append(Self.hexDigit(byte & 15))
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") - 10 + value
    }

    // MARK: JSON

    /// Adds text as a JSON string, with its quotation marks.
    package func append(json text: String) {
        var text = text
        text.withUTF8 { append(json: UnsafeRawBufferPointer($0)) }
    }

    /// Adds bytes as a JSON string. What is not UTF-8 becomes U+FFFD.
    package func append(json octets: UnsafeRawBufferPointer) {
        append(UInt8(ascii: "\""))
        var start = 0
        var index = 0
        while index < octets.count {
            let byte = octets[index]
            if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                index += 1
                continue
            }
            let length = byte < 0x80 ? 0 : Self.sequenceLength(octets, at: index)
            if length > 1 {
                index += length
                continue
            }
            append(octets: UnsafeRawBufferPointer(rebasing: octets[start..<index]))
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\r"): append("\\r")
            case UInt8(ascii: "\t"): append("\\t")
            case 0x80...: append("\\ufffd")
            default:
                append("\\u00")
                append(Self.hexDigit(byte >> 4))
                append(Self.hexDigit(byte & 15))
            }
            index += 1
            start = index
        }
        append(octets: UnsafeRawBufferPointer(rebasing: octets[start...]))
        append(UInt8(ascii: "\""))
    }

    /// The length of the UTF-8 sequence of a character beyond ASCII; 0: it is none (RFC 3629, 4), or it is a control
    /// character.
    private static func sequenceLength(_ octets: UnsafeRawBufferPointer, at index: Int) -> Int {
        let first = octets[index]
        let length: Int
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF: length = 3
        case 0xF0...0xF4: length = 4
        default: return 0
        }
        guard index + length <= octets.count else { return 0 }
        for next in index + 1..<index + length where octets[next] & 0xC0 != 0x80 { return 0 }
        let second = octets[index + 1]
        switch first {
        case 0xC2: return second < 0xA0 ? 0 : length
        case 0xE0: return second < 0xA0 ? 0 : length
        // Surrogates are no characters.
        case 0xED: return second > 0x9F ? 0 : length
        case 0xF0: return second < 0x90 ? 0 : length
        case 0xF4: return second > 0x8F ? 0 : length
        default: return length
        }
    }
}
