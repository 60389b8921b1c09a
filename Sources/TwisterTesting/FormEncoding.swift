import TwisterCodec

/// The two encodings of a form, and that of a user's credentials.
enum FormEncoding {
    /// `application/x-www-form-urlencoded`: also the form of a query.
    static func urlEncoded(_ pairs: KeyValuePairs<String, String>) -> String {
        pairs.map { "\(PercentCoding.encode($0.key))=\(PercentCoding.encode($0.value))" }.joined(separator: "&")
    }

    /// `multipart/form-data` (RFC 7578, 4), and its `Content-Type`. The boundary has 128 random bits, so that no content has it
    /// by accident.
    static func multipart(_ parts: [TestFormPart]) -> (contentType: String, bytes: [UInt8]) {
        let boundary = "twister-\(UInt64.random(in: 0 ... .max))-\(UInt64.random(in: 0 ... .max))"
        var bytes: [UInt8] = []
        for part in parts {
            var head = "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(quoted(part.name))\""
            if let filename = part.filename { head += "; filename=\"\(quoted(filename))\"" }
            if let type = part.contentType { head += "\r\nContent-Type: \(withoutLineEnds(type))" }
            bytes += Array(head.utf8) + Array("\r\n\r\n".utf8) + part.bytes + Array("\r\n".utf8)
        }
        bytes += Array("--\(boundary)--\r\n".utf8)
        return ("multipart/form-data; boundary=\(boundary)", bytes)
    }

    /// As browsers write names in a part's head (WHATWG HTML, "multipart/form-data").
    private static func quoted(_ text: String) -> String {
        let escaped = PercentCoding.escape(text.utf8) { $0 != 0x22 && $0 != 0x0D && $0 != 0x0A }
        return String(decoding: escaped, as: UTF8.self)
    }

    private static func withoutLineEnds(_ text: String) -> String {
        String(decoding: text.utf8.filter { $0 != 0x0D && $0 != 0x0A }, as: UTF8.self)
    }

    /// Base 64 (RFC 4648, 4).
    static func base64(_ text: String) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var encoded: [UInt8] = []
        let octets = Array(text.utf8)
        for start in stride(from: 0, to: octets.count, by: 3) {
            let group = octets[start..<min(start + 3, octets.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
            for index in 0..<4 {
                let digit = alphabet[Int(bits >> UInt32(18 - 6 * index) & 63)]
                encoded.append(index <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
