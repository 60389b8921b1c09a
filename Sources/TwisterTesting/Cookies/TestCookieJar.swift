import Glibc
import HTTPTypes
import TwisterIO

/// The cookies of one test client, kept as a browser keeps those of the hosts of one server (RFC 6265, 5.3 and 5.4).
///
/// The client's connection counts as secure, as browsers treat `localhost`: cookies with `Secure` are kept and sent.
/// Expiry follows the time of day, plus what `TestClient.advance(by:)` has added to it.
public final class TestCookieJar: Sendable {
    private struct Entry: Sendable {
        var cookie: TestCookie
        var host: String
        var path: String
        /// When the cookie expires, in seconds since 1970; nil: it lasts as long as the jar.
        var expires: Int64?
    }

    /// The most cookies of a jar, so that a server under test cannot fill the memory: beyond it, the oldest cookies are
    /// dropped.
    private static let mostCookies = 1_000

    private let entries = ConditionLock<[Entry]>([])
    private let elapsed: @Sendable () -> Int64

    /// - Parameter elapsed: how many seconds a virtual clock has been advanced.
    init(elapsed: @escaping @Sendable () -> Int64) { self.elapsed = elapsed }

    private var now: Int64 { Int64(time(nil)).addingReportingOverflow(elapsed()).partialValue }

    /// The cookies that have not expired, in the order in which they were set first.
    public var all: [TestCookie] {
        let now = now
        return entries.withLock { entries in entries.filter { $0.expires ?? .max > now }.map(\.cookie) }
    }

    /// The value of the first cookie of that name, whatever its path; nil where there is none.
    public subscript(name: String) -> String? { all.first { $0.name == name }?.value }

    /// Forgets every cookie.
    public func removeAll() { entries.withLock { $0 = [] } }

    // MARK: The client's side

    /// Takes the cookies that a response sets. Those for a foreign domain are refused.
    func store(_ fields: HTTPFields, host: String, target: String) {
        let values = fields[values: .setCookie]
        guard !values.isEmpty else { return }
        let now = now
        for value in values {
            guard let cookie = TestCookie(value), cookie.domain.map({ Self.matches(host, $0) }) ?? true else {
                continue
            }
            var expires = cookie.expires
            if let age = cookie.maxAge {
                let (sum, overflow) = now.addingReportingOverflow(age)
                expires = age <= 0 ? .min : overflow ? .max : sum
            }
            let entry = Entry(
                cookie: cookie, host: host, path: cookie.path ?? Self.directory(of: target), expires: expires)
            insert(entry, now)
        }
    }

    private func insert(_ entry: Entry, _ now: Int64) {
        entries.withLock { entries in
            entries.removeAll { $0.expires ?? .max <= now }
            let known = entries.firstIndex { old in
                old.cookie.name == entry.cookie.name && old.path == entry.path
                    && (old.cookie.domain ?? old.host) == (entry.cookie.domain ?? entry.host)
            }
            if entry.expires ?? .max <= now {
                if let known { entries.remove(at: known) }
            } else if let known {
                entries[known] = entry
            } else {
                entries.append(entry)
                if entries.count > Self.mostCookies { entries.removeFirst() }
            }
        }
    }

    /// The value of the `Cookie` field for a request; nil: none is sent. Cookies with longer paths come first.
    func field(host: String, target: String) -> String? {
        let now = now
        let path = String(target.prefix { $0 != "?" })
        let matching = entries.withLock { entries in
            entries.filter { entry in
                entry.expires ?? .max > now && Self.isPath(path, under: entry.path)
                    && (entry.cookie.domain.map { Self.matches(host, $0) } ?? (host == entry.host))
            }
        }
        guard !matching.isEmpty else { return nil }
        let ordered = matching.enumerated().sorted { left, right in
            let lengths = (left.element.path.utf8.count, right.element.path.utf8.count)
            return lengths.0 != lengths.1 ? lengths.0 > lengths.1 : left.offset < right.offset
        }
        return ordered.map { "\($0.element.cookie.name)=\($0.element.cookie.value)" }.joined(separator: "; ")
    }

    /// Whether a host belongs to the domain of a cookie (RFC 6265, 5.1.3).
    private static func matches(_ host: String, _ domain: String) -> Bool {
        host == domain || host.hasSuffix("." + domain) && domain.utf8.contains(0x2E)
    }

    /// The directory of a request's path (RFC 6265, 5.1.4).
    private static func directory(of target: String) -> String {
        let path = target.prefix { $0 != "?" }
        guard path.hasPrefix("/"), let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// Whether a cookie with the path `cookiePath` is sent for a request of `path` (RFC 6265, 5.1.4).
    private static func isPath(_ path: String, under cookiePath: String) -> Bool {
        guard path.hasPrefix(cookiePath) else { return false }
        return path.utf8.count == cookiePath.utf8.count || cookiePath.hasSuffix("/")
            || path.utf8.dropFirst(cookiePath.utf8.count).first == 0x2F
    }
}
