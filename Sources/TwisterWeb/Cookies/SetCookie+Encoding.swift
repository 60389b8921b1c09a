import TwisterCodec

extension SetCookie {
    /// The most octets that browsers take as name and value together, and as an attribute's value (RFC 6265bis, 5.6).
    private static let maxPairSize = 4096
    private static let maxAttributeSize = 1024
    /// The first second of 1601. Browsers ignore dates before it (RFC 6265bis, 5.1.1).
    private static let firstSecond: Int64 = -11_644_473_600

    /// The value of the `Set-Cookie` field, octet for octet as Tornado writes it, always ASCII.
    ///
    /// A value with characters other than letters, digits and ``!#$%&'*+-.^_`|~:`` is put in quotes, in which `"` and `\`
    /// have a backslash in front, and comma, semicolon and what is not ASCII are three octal digits behind a backslash.
    ///
    /// - Throws: `SetCookieError` where a browser would ignore the cookie or read another one from it.
    public func encoded() throws(SetCookieError) -> String {
        try checkName()
        let quotedValue = try CookieQuoting.quoted(value, of: name)
        let size = name.utf8.count + quotedValue.utf8.count
        guard size <= Self.maxPairSize else { throw .tooLarge(name: name, size: size) }
        try checkAttribute("Domain", domain ?? "")
        try checkAttribute("Path", path)
        try checkSecurity()
        return "\(name)=\(quotedValue)\(attributes)"
    }

    /// In the order in which Python's library writes them.
    private var attributes: String {
        var text = ""
        if let domain, !domain.isEmpty { text += "; Domain=\(domain)" }
        if let expires { text += "; expires=\(HTTPDate.string(max(expires, Self.firstSecond)))" }
        if httpOnly { text += "; HttpOnly" }
        if let maxAge {
            // A part of a second counts as one, because 0 would delete the cookie.
            let (seconds, attoseconds) = maxAge.components
            text += "; Max-Age=\(attoseconds > 0 && seconds < .max ? seconds + 1 : seconds)"
        }
        if partitioned { text += "; Partitioned" }
        if !path.isEmpty { text += "; Path=\(path)" }
        switch sameSite {
        case .unspecified: break
        case .lax: text += "; SameSite=Lax"
        case .strict: text += "; SameSite=Strict"
        case .none: text += "; SameSite=None"
        }
        if secure { text += "; Secure" }
        return text
    }

    private func checkName() throws(SetCookieError) {
        guard !name.isEmpty, name.utf8.allSatisfy(CookieQuoting.isToken) else { throw .malformedName(name) }
        guard !Self.reservedNames.contains(name.lowercased()) else { throw .reservedName(name) }
    }

    private static let reservedNames: Set<String> = [
        "comment", "domain", "expires", "httponly", "max-age", "partitioned", "path", "samesite", "secure", "version",
    ]

    private func checkAttribute(_ attribute: String, _ value: String) throws(SetCookieError) {
        guard value.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ";") }) else {
            throw .malformedAttribute(name: name, attribute: attribute)
        }
        guard value.utf8.count <= Self.maxAttributeSize else {
            throw .attributeTooLong(name: name, attribute: attribute)
        }
    }

    /// Browsers compare the prefixes without regard to case (RFC 6265bis, 5.7).
    private func checkSecurity() throws(SetCookieError) {
        let lowercased = name.lowercased()
        let isHostCookie = lowercased.hasPrefix("__host-")
        if !secure {
            if isHostCookie { throw .notSecure(name: name, because: "the prefix __Host-") }
            if lowercased.hasPrefix("__secure-") { throw .notSecure(name: name, because: "the prefix __Secure-") }
            if sameSite == .none { throw .notSecure(name: name, because: "SameSite=None") }
            if partitioned { throw .notSecure(name: name, because: "the attribute Partitioned") }
        }
        if isHostCookie, path != "/" || !(domain ?? "").isEmpty { throw .notBoundToHost(name: name) }
    }
}

/// How Python's `http.cookies`, and so Tornado, writes the value of a cookie. `CookieParser.unquoted` is the inverse.
enum CookieQuoting {
    /// - Throws: `SetCookieError` for the characters at which Tornado raises an error.
    static func quoted(_ value: String, of name: String) throws(SetCookieError) -> String {
        if !value.isEmpty, value.utf8.allSatisfy(isPlain) { return value }
        var text = "\""
        for scalar in value.unicodeScalars {
            guard scalar.value > 0x20 else { throw .controlCharacterInValue(name: name) }
            guard let character = UInt8(exactly: scalar.value) else { throw .unencodableValue(name: name) }
            switch character {
            case UInt8(ascii: "\""): text += "\\\""
            case UInt8(ascii: "\\"): text += "\\\\"
            case _ where isPlain(character) || "()/<=>?@[]{}".utf8.contains(character):
                text.unicodeScalars.append(scalar)
            default: text += octal(character)
            }
        }
        return text + "\""
    }

    private static func octal(_ character: UInt8) -> String {
        "\\\(character >> 6)\(character >> 3 & 7)\(character & 7)"
    }

    /// Whether a value with this character needs no quotes for it.
    private static func isPlain(_ character: UInt8) -> Bool { isToken(character) || character == UInt8(ascii: ":") }

    /// RFC 9110, 5.6.2 `tchar`.
    static func isToken(_ character: UInt8) -> Bool {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(character)
        }
    }
}
