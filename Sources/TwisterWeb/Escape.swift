import TwisterCodec

/// The text with `&`, `<`, `>`, `"` and `'` written as character references: safe in HTML and XML, in text and in
/// quoted attributes.
///
/// Tornado: `xhtml_escape`.
public func xhtmlEscape(_ text: String) -> String { text.escapedForHTML }

/// The text percent-encoded as UTF-8, all but letters, digits and `-._~` (RFC 3986, section 2.3).
///
/// - Parameter plus: For a query or a form: a space becomes `+`, and a slash is encoded. Otherwise for a path: a space
///   becomes `%20`, and a slash stays.
///
/// Tornado: `url_escape`.
public func urlEscape(_ text: String, plus: Bool = true) -> String {
    let (space, slash) = (UInt8(ascii: " "), UInt8(ascii: "/"))
    var escaped = PercentCoding.escape(text.utf8) { byte in
        PercentEscapes.unreserved.contains(byte) || (plus ? byte == space : byte == slash)
    }
    if plus {
        for index in escaped.indices where escaped[index] == space { escaped[index] = UInt8(ascii: "+") }
    }
    return String(decoding: escaped, as: UTF8.self)
}

/// The text with its percent escapes decoded; nil if an escape is malformed or the result is not UTF-8.
///
/// - Parameter plus: Whether `+` stands for a space, as in a query or a form.
///
/// Tornado: `url_unescape`, which lets malformed escapes stand.
public func urlUnescape(_ text: String, plus: Bool = true) -> String? {
    var bytes = Array(text.utf8)
    if plus {
        for index in bytes.indices where bytes[index] == UInt8(ascii: "+") { bytes[index] = UInt8(ascii: " ") }
    }
    return bytes.withUnsafeBytes(PercentCoding.decode).flatMap { String(validating: $0, as: UTF8.self) }
}
