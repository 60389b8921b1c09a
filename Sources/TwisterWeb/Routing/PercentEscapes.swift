/// Percent-encoding of path arguments (RFC 3986, section 2.1), where what stays plain depends on the pattern.
enum PercentEscapes {
    /// RFC 3986, section 2.3.
    static let unreserved = ByteSet(UInt8(ascii: "a")...UInt8(ascii: "z"))
        .union(ByteSet(UInt8(ascii: "A")...UInt8(ascii: "Z")))
        .union(.digits)
        .union(ByteSet("-._~".utf8))
    /// What else may stand in a path segment: sub-delims, ":" and "@" (RFC 3986, section 3.3).
    static let pathDelimiters = ByteSet("!$&'()*+,;=:@".utf8)

    private static let hexDigits = Array("0123456789ABCDEF".utf8)

    static func encoded(_ bytes: some Sequence<UInt8>, unless staysPlain: (UInt8) -> Bool) -> [UInt8] {
        var result: [UInt8] = []
        for byte in bytes {
            if staysPlain(byte) {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
            }
        }
        return result
    }
}
