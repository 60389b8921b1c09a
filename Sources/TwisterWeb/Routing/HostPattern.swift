/// Which host names a group of routes serves, without regard to case.
///
/// Written as a name, `www.example.com`; as a name with everything below it, `*.example.com` (which is not
/// `example.com` itself); or as a regular expression that has to match the whole name, `(.*\.)?example\.com`. A text
/// that holds only letters, digits, dots, hyphens and colons (or an IPv6 address in brackets) is a name: in it, unlike
/// in Tornado, a dot is a dot.
///
/// Tornado: `HostMatches`.
public struct HostPattern: Sendable {
    private enum Matcher: Sendable {
        case any
        case exact([UInt8])
        /// Ends with these bytes, the dot included, and has something before them.
        case below([UInt8])
        case regex(RouteTable)
    }

    /// The pattern as it was written.
    public let text: String
    private let matcher: Matcher

    private init(text: String, matcher: Matcher) {
        self.text = text
        self.matcher = matcher
    }

    /// Throws `URLPatternError` if the text is neither a name nor a regular expression.
    ///
    /// Tornado: `HostMatches`.
    public init(_ text: String) throws(URLPatternError) {
        let name = text.utf8.map(\.lowercased)
        if text == ".*" || text == "*" {
            self.init(text: text, matcher: .any)
        } else if name.starts(with: "*.".utf8), Self.isName(name.dropFirst(2)) {
            self.init(text: text, matcher: .below(Array(name.dropFirst())))
        } else if Self.isName(name[...]) || Self.isBracketedAddress(name) {
            self.init(text: text, matcher: .exact(name))
        } else {
            self.init(text: text, matcher: .regex(RouteTable([try URLPattern(text, ignoresCase: true)])))
        }
    }

    /// Whether the pattern matches a host name, given without a port.
    public func matches(_ host: String) -> Bool {
        let lowercased = host.utf8.map(\.lowercased)
        return lowercased.withUnsafeBytes(matches(lowercased:))
    }

    private func matches(lowercased host: UnsafeRawBufferPointer) -> Bool {
        switch matcher {
        case .any: true
        case .exact(let name): host.elementsEqual(name)
        case .below(let suffix): host.count > suffix.count && host.suffix(suffix.count).elementsEqual(suffix)
        case .regex(let table): table.match(host) != nil
        }
    }

    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { $0.isASCIILetterOrDigit || ".-:_".utf8.contains($0) }
    }

    private static func isBracketedAddress(_ bytes: [UInt8]) -> Bool {
        bytes.first == UInt8(ascii: "[") && bytes.last == UInt8(ascii: "]") && bytes.contains(UInt8(ascii: ":"))
            && isName(bytes.dropFirst().dropLast())
    }
}
