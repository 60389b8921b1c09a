/// Paths that are signed together with the time at which they end: `/path?expires=1764270000&signature=0.…`.
///
/// The key is derived from the application's secret for this purpose alone, so that no cookie and no other signed value is a
/// signature of a path.
enum SignedURL {
    enum Verdict {
        case valid
        case expired
        /// There is no signature, or it is that of another path or key.
        case invalid
    }

    private static let marker = Array("&signature=".utf8)

    /// The path, which may have a query and a fragment, with its signature.
    ///
    /// - Parameter end: the time at which it ends, in seconds since 1970.
    static func sign(_ path: String, end: Int, _ secret: CookieSecret) throws(SignedValueError) -> String {
        let (version, key) = try secret.newValueKey(nil)
        let (rest, fragment) = path.split(atFirst: "#")
        let signed = addingQuery("expires=\(end)", to: rest)
        let signature = Base64.url.encode(key.urlSignature(of: message(version, Array(signed.utf8))))
        return "\(signed)&signature=\(version).\(String(decoding: signature, as: UTF8.self))"
            + (fragment.map { "#" + $0 } ?? "")
    }

    /// - Parameters:
    ///   - path: the path of a request, as it was sent.
    ///   - query: its query, as it was sent.
    ///   - now: seconds since 1970.
    static func check(path: String, query: String, at now: Double, _ secret: CookieSecret) -> Verdict {
        let query = Array(query.utf8)
        // The signature is the last argument.
        guard let lastMark = query.lastIndex(of: UInt8(ascii: "&")), query[lastMark...].starts(with: marker) else {
            return .invalid
        }
        let signed = query[..<lastMark]
        let parts = query[(lastMark + marker.count)...].split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let last = signed.lastIndex(of: UInt8(ascii: "&")).map { signed[($0 + 1)...] } ?? signed
        let name = Array("expires=".utf8)
        guard parts.count == 2, let version = CanonicalNumber.parse(parts[0]), let key = secret.key(version),
            let signature = Base64.url.decode(parts[1]), last.starts(with: name),
            let end = CanonicalNumber.parse(last.dropFirst(name.count)),
            key.isURLSignature(signature, of: message(version, Array(path.utf8) + [UInt8(ascii: "?")] + signed))
        else { return .invalid }
        return now < Double(end) ? .valid : .expired
    }

    /// The octets that the signature covers. They contain the key's version: where a secret has a single key, that key is
    /// used for every version, and without the version a URL would have several valid signatures.
    private static func message(_ version: Int, _ url: [UInt8]) -> [UInt8] { Array("\(version) ".utf8) + url }
}
