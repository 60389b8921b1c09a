extension BinaryFloatingPoint where Self: LosslessStringConvertible {
    /// The number of a text that a client has sent. It is nil unless the text is a finite decimal number: Swift also reads `nan`,
    /// `inf` and hexadecimal digits, and makes an infinite number of one that is too large. JSON has none of these (RFC 8259, 6).
    init?(decimal text: String) {
        let isDecimal = text.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                true
            default: false
            }
        }
        guard isDecimal, let number = Self(text), number.isFinite else { return nil }
        self = number
    }
}
