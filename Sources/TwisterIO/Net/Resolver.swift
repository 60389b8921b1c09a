/// Which addresses a look-up asks for.
public enum AddressFamily: Sendable, Hashable {
    /// IPv4 and IPv6.
    case any
    case ipv4
    case ipv6
}

/// Turns a host and a port into addresses, without blocking the loop.
///
/// Tornado: `netutil.Resolver`.
public protocol Resolver: Sendable {
    /// The addresses of `host`, a name or a numeric address, best first.
    ///
    /// - Throws: `ResolverError` where there is none.
    func resolve(host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress]

    /// Frees what the resolver holds. Tornado: `Resolver.close`.
    func close()
}

extension Resolver {
    /// Frees what the resolver holds; by default nothing.
    public func close() {}
}

/// A host has no address, or it could not be asked for.
public struct ResolverError: Error, CustomStringConvertible, Sendable {
    /// The host that could not be looked up.
    public let host: String
    /// What the resolver says.
    public let problem: String

    public init(host: String, problem: String) {
        self.host = host
        self.problem = problem
    }

    public var description: String { "resolve \(host): \(problem)" }
}

/// Whether `text` is a numeric IPv4 (four decimal numbers) or IPv6 address, with or without zone.
///
/// Tornado: `netutil.is_valid_ip`.
public func isValidIP(_ text: String) -> Bool {
    // A byte NUL would end the text for the C library.
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
    // Without a colon only the dotted quad: the C library would take "127.1" and "1" as well.
    if !text.utf8.contains(UInt8(ascii: ":")), text.utf8.count(where: { $0 == UInt8(ascii: ".") }) != 3 { return false }
    return SocketAddress(ip: text, port: 0) != nil
}
