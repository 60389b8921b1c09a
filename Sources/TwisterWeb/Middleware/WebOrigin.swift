import TwisterCodec

/// A web origin: scheme, host and port (RFC 6454). Texts are compared in one spelling: lower case, without the scheme's own port.
struct WebOrigin: Hashable, Sendable {
    let scheme: String
    /// In lower case; an IPv6 address with its brackets.
    let host: String
    /// Nil for the scheme's own port.
    let port: UInt16?

    /// Reads `scheme://host` or `scheme://host:port`. It is nil for every other text, `null` among them, and for one of more than
    /// 512 octets: browsers send nothing longer.
    init?(_ text: String) {
        // Some letters beyond ASCII are ASCII letters in lower case.
        guard text.utf8.count <= 512, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let lowered = text.lowercased()
        guard let colon = lowered.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let scheme = String(lowered[..<colon])
        guard Self.isScheme(scheme), lowered[colon...].hasPrefix("://") else { return nil }
        let authority = String(lowered[colon...].dropFirst(3))
        guard let parsed = authority.withOctets({ Authority($0) }), parsed.hasHost,
            authority.utf8.allSatisfy(Self.isInHost)
        else { return nil }
        self.scheme = scheme
        host = String(decoding: authority.utf8.prefix(parsed.hostCount), as: UTF8.self)
        port = parsed.port == Self.ownPort(scheme) ? nil : parsed.port
    }

    /// The origin as browsers write it. It has no character but those of a scheme, a host and a port.
    var text: String { "\(scheme)://\(host)\(port.map { ":\($0)" } ?? "")" }

    /// Names of hosts in URLs are letters, digits, hyphens and dots, an underscore by custom; addresses have colons and brackets.
    private static func isInHost(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default: false
        }
    }

    private static func isScheme(_ text: String) -> Bool {
        guard let first = text.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return false }
        return text.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"),
                UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }

    private static func ownPort(_ scheme: String) -> UInt16? {
        switch scheme {
        case "http", "ws": 80
        case "https", "wss": 443
        default: nil
        }
    }
}

/// Origins that an application trusts: single ones, and all subdomains of a host (`https://*.example.com`).
struct OriginList: Sendable {
    private var origins: Set<WebOrigin> = []
    /// Scheme, host and port of those whose subdomains are trusted.
    private var parents: [WebOrigin] = []
    /// Whether `null` is among them: sandboxed frames, files, and what was redirected from elsewhere.
    private(set) var allowsNull = false

    /// - Throws: `OriginError.malformed` for a text that is no origin.
    init(_ texts: [String]) throws(OriginError) {
        for text in texts {
            if text == "null" {
                allowsNull = true
            } else if let star = text.firstRange(of: "://*.") {
                guard let parent = WebOrigin(text[..<star.lowerBound] + "://" + text[star.upperBound...])
                else { throw .malformed(text) }
                parents.append(parent)
            } else {
                guard let origin = WebOrigin(text) else { throw .malformed(text) }
                origins.insert(origin)
            }
        }
    }

    var isEmpty: Bool { origins.isEmpty && parents.isEmpty && !allowsNull }

    /// Whether the value of an `Origin` field is one of these.
    func contains(_ text: String) -> Bool {
        if text == "null" { return allowsNull }
        return WebOrigin(text).map(contains) ?? false
    }

    private func contains(_ origin: WebOrigin) -> Bool {
        if origins.contains(origin) { return true }
        return parents.contains { parent in
            // The dot keeps `evilexample.com` out, and the length the parent itself.
            origin.scheme == parent.scheme && origin.port == parent.port && origin.host.hasSuffix("." + parent.host)
                && origin.host.utf8.count > parent.host.utf8.count + 1
        }
    }
}

/// A list of origins cannot be used.
public enum OriginError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The text is no origin.
    case malformed(String)
    /// Every site would act with the user's credentials.
    case credentialsForAll
    /// Sandboxed frames of every site have the origin `null`, and would act with the user's credentials.
    case credentialsForNull

    public var description: String {
        switch self {
        case .malformed(let text):
            "\"\(text)\" is no origin: write \"https://example.com\", with a port where it is not the usual one, or "
                + "\"https://*.example.com\" for all subdomains"
        case .credentialsForAll:
            "CORS with credentials for any origin would let every site act as the user: list the origins"
        case .credentialsForNull:
            "CORS with credentials for the origin null would let every site act as the user: remove \"null\""
        }
    }
}
