/// A cookie as a server sets it (RFC 6265, 4.1).
public struct TestCookie: Sendable, Equatable {
    /// The name, by which a later cookie replaces this one.
    public var name: String
    /// The value, without quotes around it.
    public var value: String
    /// The attribute `Domain`, in lower case and without a leading dot; nil: the cookie is for the host alone that set it.
    public var domain: String?
    /// The attribute `Path`; nil: the directory of the path that set it.
    public var path: String?
    /// The attribute `Expires`, in seconds since 1970.
    public var expires: Int64?
    /// The attribute `Max-Age`, in seconds.
    public var maxAge: Int64?
    /// Whether it has the attribute `Secure`.
    public var isSecure = false
    /// Whether it has the attribute `HttpOnly`.
    public var isHTTPOnly = false
    /// The attribute `SameSite` as it was sent.
    public var sameSite: String?

    /// Reads the value of a `Set-Cookie` field by the rules for user agents (RFC 6265, 5.2); nil where it names no cookie.
    public init?(_ field: String) {
        var parts = field.split(separator: ";", omittingEmptySubsequences: false)[...]
        guard let pair = parts.popFirst(), let equals = pair.utf8.firstIndex(of: 0x3D) else { return nil }
        name = Self.trimmed(pair[..<equals])
        value = Self.unquoted(Self.trimmed(pair[pair.index(after: equals)...]))
        guard !name.isEmpty else { return nil }
        for part in parts {
            let equals = part.utf8.firstIndex(of: 0x3D)
            let text = equals.map { Self.trimmed(part[part.index(after: $0)...]) } ?? ""
            read(Self.trimmed(part[..<(equals ?? part.endIndex)]).lowercased(), text)
        }
    }

    private mutating func read(_ attribute: String, _ text: String) {
        switch attribute {
        case "domain":
            let host = text.hasPrefix(".") ? String(text.dropFirst()) : text
            domain = host.isEmpty ? nil : host.lowercased()
        case "path": path = text.hasPrefix("/") ? text : nil
        case "expires": expires = CookieDate.parse(text) ?? expires
        case "max-age": maxAge = Self.seconds(text) ?? maxAge
        case "secure": isSecure = true
        case "httponly": isHTTPOnly = true
        case "samesite": sameSite = text
        default: break
        }
    }

    /// A number that is too large counts as the largest one; anything but digits with an optional minus sign is ignored.
    private static func seconds(_ text: String) -> Int64? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int64(text) ?? (text.hasPrefix("-") ? .min : .max)
    }

    private static func trimmed(_ text: Substring) -> String {
        let isSpace = { (octet: UInt8) in octet == 0x20 || octet == 0x09 }
        var octets = text.utf8.drop(while: isSpace)
        while let last = octets.last, isSpace(last) { octets.removeLast() }
        return String(decoding: octets, as: UTF8.self)
    }

    private static func unquoted(_ text: String) -> String {
        text.utf8.count > 1 && text.hasPrefix("\"") && text.hasSuffix("\"") ? String(text.dropFirst().dropLast()) : text
    }
}
