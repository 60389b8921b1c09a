/// Decides which form a request target has, and where its parts are (RFC 9112 3.2). The parser itself reads the origin form,
/// which nearly all requests have.
enum TargetRules {
    /// `base` is the start of the request line. The target was already split into path and query at the first "?".
    static func resolve(
        _ base: UnsafeRawPointer, _ line: inout RequestLine
    ) throws(ParseError) {
        let target = line.target
        let octets = UnsafeRawBufferPointer(start: base + Int(target.start), count: Int(target.count))
        if line.method == .connect {
            try resolveAuthority(octets, &line)
        } else if target.count == 1, octets[0] == ASCII.asterisk {
            guard line.method == .options else { throw .targetFormNotAllowed }
            line.targetForm = .asterisk
        } else {
            try resolveAbsolute(octets, &line)
        }
    }

    /// The target of CONNECT, and of no other method, is a host and a port.
    private static func resolveAuthority(
        _ octets: UnsafeRawBufferPointer, _ line: inout RequestLine
    ) throws(ParseError) {
        guard !line.hasQuery, !octets.contains(ASCII.slash) else { throw .targetFormNotAllowed }
        guard let authority = Authority(octets), authority.hasHost, authority.port != nil else {
            throw .malformedTarget
        }
        line.targetForm = .authority
        line.authority = line.target
        line.path = ByteRange(start: line.target.start, count: 0)
    }

    /// Reads `http://authority/path?query`, or the same with https.
    private static func resolveAbsolute(
        _ octets: UnsafeRawBufferPointer, _ line: inout RequestLine
    ) throws(ParseError) {
        let authorityStart: Int
        if startsWith(octets, "http://") {
            authorityStart = 7
        } else if startsWith(octets, "https://") {
            authorityStart = 8
        } else {
            throw .malformedTarget
        }
        let pathEnd = Int(line.path.count)
        // A "?" within "http://" would have ended the path before this place.
        guard pathEnd >= authorityStart else { throw .malformedTarget }
        let authorityEnd = octets[authorityStart..<pathEnd].firstIndex(of: ASCII.slash) ?? pathEnd
        let host = UnsafeRawBufferPointer(rebasing: octets[authorityStart..<authorityEnd])
        guard !host.contains(UInt8(ascii: "@")) else { throw .userinfoInTarget }
        guard let authority = Authority(host), authority.hasHost else { throw .malformedTarget }
        let start = Int(line.target.start)
        line.targetForm = .absolute
        line.authority = ByteRange(start &+ authorityStart, start &+ authorityEnd)
        // An absent path means "/" (RFC 9110 4.2.3). The last slash of "://" serves as this path.
        line.path =
            authorityEnd == pathEnd
            ? ByteRange(start &+ authorityStart &- 1, start &+ authorityStart)
            : ByteRange(start &+ authorityEnd, start &+ pathEnd)
    }

    /// Schemes are compared without regard to case (RFC 3986 3.1).
    private static func startsWith(_ octets: UnsafeRawBufferPointer, _ prefix: StaticString) -> Bool {
        guard octets.count >= prefix.utf8CodeUnitCount else { return false }
        for index in 0..<prefix.utf8CodeUnitCount
        where CharacterClass.lowercased(octets[index]) != prefix.utf8Start[index] {
            return false
        }
        return true
    }
}
