import TwisterCodec

extension URLPattern {
    /// A path that this pattern matches with these arguments.
    ///
    /// The arguments are percent-encoded as UTF-8. Parts that are no argument and may be left out, such as a closing
    /// `/?`, are left out.
    ///
    /// - Throws: `URLReverseError` if the number of arguments is wrong, if an argument would not come back from a
    ///   match as it was given, or if the pattern has more than literals outside of its groups.
    ///
    /// Tornado: `PathMatches.reverse`.
    public func reverse(_ arguments: any CustomStringConvertible...) throws(URLReverseError) -> String {
        try reverse(arguments: arguments.map(\.description))
    }

    /// A path that this pattern matches with these arguments.
    ///
    /// Tornado: `PathMatches.reverse`.
    public func reverse(arguments: [String]) throws(URLReverseError) -> String {
        let parts: [ReverseTemplate.Part]
        switch template {
        case .parts(let known): parts = known
        case .notReversible(let reason): throw .notReversible(pattern: text, reason: reason)
        }
        guard arguments.count == groupCount else {
            throw .wrongNumberOfArguments(pattern: text, expected: groupCount, given: arguments.count)
        }
        var path: [UInt8] = []
        var remaining = arguments[...]
        for part in parts {
            switch part {
            case .literal(let bytes): path += bytes
            case .argument(let accepted):
                path += Self.encoded(remaining.popFirst() ?? "", accepted: accepted)
            }
        }
        try check(path, arguments: arguments)
        return String(decoding: path, as: UTF8.self)
    }

    /// Percent-encodes all but unreserved characters (RFC 3986, section 2.3), and leaves a slash where the group takes
    /// slashes, as Tornado does.
    private static func encoded(_ argument: String, accepted: ByteSet?) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        let keepsSlash = accepted?.contains(slash) ?? true
        // "[a-z@]+" matches no escapes: a character that is allowed in a path is then not encoded.
        let keepsDelimiters = accepted?.contains(UInt8(ascii: "%")) == false
        return PercentCoding.escape(argument.utf8) { byte in
            byte == slash
                ? keepsSlash
                : PercentEscapes.unreserved.contains(byte)
                    || keepsDelimiters && PercentEscapes.pathDelimiters.contains(byte)
        }
    }

    /// The path has to match the pattern with the same arguments.
    private func check(_ path: [UInt8], arguments: [String]) throws(URLReverseError) {
        guard let captures = path.withUnsafeBytes(captures(in:)) else {
            throw .argumentsDoNotFit(pattern: text, arguments: arguments)
        }
        let matched = try? PathArguments(captures, names: groupNames, path: path)
        guard matched?.values == arguments else {
            throw .argumentsDoNotFit(pattern: text, arguments: arguments)
        }
    }
}

/// Why no path could be made from a pattern.
public enum URLReverseError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No route has this name.
    case noSuchName(String)
    /// The pattern is not only literals outside of its groups, or has groups within groups.
    case notReversible(pattern: String, reason: String)
    /// The pattern has another number of groups.
    case wrongNumberOfArguments(pattern: String, expected: Int, given: Int)
    /// The pattern does not match the path with these arguments, or matches it with others.
    case argumentsDoNotFit(pattern: String, arguments: [String])

    public var description: String {
        switch self {
        case .noSuchName(let name): "no route is called \"\(name)\""
        case .notReversible(let pattern, let reason):
            "cannot make a path from pattern \"\(pattern)\": \(reason)"
        case .wrongNumberOfArguments(let pattern, let expected, let given):
            "pattern \"\(pattern)\" takes \(expected) arguments, not \(given)"
        case .argumentsDoNotFit(let pattern, let arguments):
            "pattern \"\(pattern)\" does not lead back to the arguments \(arguments)"
        }
    }
}

/// The characters of a path argument that are not percent-encoded (RFC 3986).
enum PercentEscapes {
    /// RFC 3986, section 2.3.
    static let unreserved = ByteSet(UInt8(ascii: "a")...UInt8(ascii: "z"))
        .union(ByteSet(UInt8(ascii: "A")...UInt8(ascii: "Z")))
        .union(.digits)
        .union(ByteSet("-._~".utf8))
    /// The other characters that a path segment may contain: sub-delims, ":" and "@" (RFC 3986, section 3.3).
    static let pathDelimiters = ByteSet("!$&'()*+,;=:@".utf8)
}
