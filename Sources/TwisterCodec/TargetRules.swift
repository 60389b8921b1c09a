/// Tells the forms of a request target apart and takes them to pieces (RFC 9112 3.2). Origin form, which nearly all
/// requests have, is settled by the parser itself.
enum TargetRules {
    /// `base` is the start of the request line; path and query were split at the first "?".
    static func resolve(
        _ base: UnsafeRawPointer, _ record: UnsafeMutablePointer<RequestHead.Record>
    ) throws(ParseError) {
        let target = record.pointee.target
        let octets = UnsafeRawBufferPointer(start: base + Int(target.start), count: Int(target.count))
        if record.pointee.method == .connect {
            try resolveAuthority(octets, record)
        } else if target.count == 1, octets[0] == ASCII.asterisk {
            guard record.pointee.method == .options else { throw .targetFormNotAllowed }
            record.pointee.targetForm = .asterisk
        } else {
            try resolveAbsolute(octets, record)
        }
    }

    /// CONNECT, and nothing else, names a host and a port.
    private static func resolveAuthority(
        _ octets: UnsafeRawBufferPointer, _ record: UnsafeMutablePointer<RequestHead.Record>
    ) throws(ParseError) {
        guard !record.pointee.hasQuery, !octets.contains(ASCII.slash) else { throw .targetFormNotAllowed }
        guard let authority = Authority(octets), authority.hasHost, authority.port != nil else {
            throw .malformedTarget
        }
        record.pointee.targetForm = .authority
        record.pointee.authority = record.pointee.target
        record.pointee.path = ByteRange(start: record.pointee.target.start, count: 0)
    }

    /// `http://authority/path?query`, https likewise.
    private static func resolveAbsolute(
        _ octets: UnsafeRawBufferPointer, _ record: UnsafeMutablePointer<RequestHead.Record>
    ) throws(ParseError) {
        let authorityStart: Int
        if startsWith(octets, "http://") {
            authorityStart = 7
        } else if startsWith(octets, "https://") {
            authorityStart = 8
        } else {
            throw .malformedTarget
        }
        let pathEnd = Int(record.pointee.path.count)
        // A "?" before the end of "http://" would have ended the path there.
        guard pathEnd >= authorityStart else { throw .malformedTarget }
        let authorityEnd = octets[authorityStart..<pathEnd].firstIndex(of: ASCII.slash) ?? pathEnd
        let host = UnsafeRawBufferPointer(rebasing: octets[authorityStart..<authorityEnd])
        guard !host.contains(UInt8(ascii: "@")) else { throw .userinfoInTarget }
        guard let authority = Authority(host), authority.hasHost else { throw .malformedTarget }
        let start = Int(record.pointee.target.start)
        record.pointee.targetForm = .absolute
        record.pointee.authority = ByteRange(start &+ authorityStart, start &+ authorityEnd)
        // An absent path means "/" (RFC 9110 4.2.3): the last slash of "://" stands for it.
        record.pointee.path =
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
