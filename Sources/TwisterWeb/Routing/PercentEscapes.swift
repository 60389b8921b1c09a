/// The characters of a path argument that are not percent-encoded (RFC 3986).
enum PercentEscapes {
    /// RFC 3986, section 2.3.
    static let unreserved = ByteSet(UInt8(ascii: "a")...UInt8(ascii: "z"))
        .union(ByteSet(UInt8(ascii: "A")...UInt8(ascii: "Z")))
        .union(.digits)
        .union(ByteSet("-._~".utf8))
    /// What else may stand in a path segment: sub-delims, ":" and "@" (RFC 3986, section 3.3).
    static let pathDelimiters = ByteSet("!$&'()*+,;=:@".utf8)
}
