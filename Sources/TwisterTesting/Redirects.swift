import HTTPTypes

/// The request with which a client follows a redirect (RFC 9110, 15.4).
extension PreparedRequest {
    /// The next request; nil where the response is no redirect.
    ///
    /// - Throws: `TestClientError.redirectElsewhere` where the redirect leads to another server.
    func redirected(by status: HTTPResponse.Status, _ fields: HTTPFields, authority: String) throws(TestClientError)
        -> PreparedRequest?
    {
        guard [301, 302, 303, 307, 308].contains(status.code), let location = fields[.location] else { return nil }
        var next = self
        let reference = location.prefix { $0 != "#" }
        guard !reference.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw .redirectElsewhere(location.debugDescription)
        }
        let resolved = try resolve(reference, authority: authority)
        next.target = try Self.target(resolved, [:])
        // As browsers do, and as RFC 9110 allows for 301 and 302: POST becomes GET.
        let becomesGet = status.code == 303 && method != .head || (status.code <= 302 && method == .post)
        if becomesGet {
            next.method = .get
            next.body = .none
            next.fields[.contentType] = nil
        }
        return next
    }

    /// Resolves a reference against the request's own target (RFC 3986, 5.2).
    private func resolve(_ reference: Substring, authority: String) throws(TestClientError) -> String {
        if reference.hasPrefix("//") { return try local(reference.dropFirst(2), reference, authority) }
        if reference.lowercased().hasPrefix("http://") {
            return try local(reference.dropFirst(7), reference, authority)
        }
        let first = reference.prefix { $0 != "/" && $0 != "?" }
        guard !first.utf8.contains(0x3A) else { throw .redirectElsewhere(String(reference)) }
        let base = String(target.prefix { $0 != "?" })
        if reference.isEmpty { return target }
        if reference.hasPrefix("?") { return base + reference }
        if reference.hasPrefix("/") { return Self.withoutDots(reference) }
        let directory = base.prefix(through: base.lastIndex(of: "/") ?? base.startIndex)
        return Self.withoutDots(directory + reference)
    }

    /// The path and the query of a URL whose authority has to be this server's.
    private func local(
        _ rest: Substring, _ reference: Substring, _ authority: String
    ) throws(TestClientError) -> String {
        let host = rest.prefix { $0 != "/" && $0 != "?" }
        guard host.lowercased() == authority.lowercased() else { throw .redirectElsewhere(String(reference)) }
        let path = rest.dropFirst(host.count)
        return Self.withoutDots(path.hasPrefix("/") ? path : "/" + path)
    }

    /// Removes `.` and `..` from the path (RFC 3986, 5.2.4); the query stays as it is.
    private static func withoutDots(_ target: Substring) -> String {
        let path = target.prefix { $0 != "?" }
        var segments: [Substring] = []
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch part {
            case ".": if isLast { segments.append("") }
            case "..":
                _ = segments.popLast()
                if isLast { segments.append("") }
            default: segments.append(part)
            }
        }
        return "/" + segments.joined(separator: "/") + target.dropFirst(path.count)
    }
}
