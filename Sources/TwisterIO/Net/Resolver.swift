/// The kind of addresses that a look-up returns.
public enum AddressFamily: Sendable, Hashable {
    /// IPv4 and IPv6.
    case any
    /// IPv4 only.
    case ipv4
    /// IPv6 only.
    case ipv6
}

/// Finds the addresses of a host, without blocking the loop. May be used from any thread.
///
/// Tornado: `netutil.Resolver`.
public protocol Resolver: Sendable {
    /// Returns the addresses of `host`, a name or a numeric address, in the order of preference.
    ///
    /// - Throws: `ResolverError` if there is none.
    func resolve(host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress]

    /// Frees the resources of the resolver. Tornado: `Resolver.close`.
    func close()
}

extension Resolver {
    /// Does nothing: a resolver without resources need not implement it.
    public func close() {}
}

/// A host has no address, or the look-up failed.
public struct ResolverError: Error, CustomStringConvertible, Sendable {
    /// The host that could not be looked up.
    public let host: String
    /// The resolver's message.
    public let problem: String

    public init(host: String, problem: String) {
        self.host = host
        self.problem = problem
    }

    public var description: String { "resolve \(host): \(problem)" }
}

/// Returns whether `text` is a numeric IPv4 address (four decimal numbers) or IPv6 address, with or without zone.
///
/// Tornado: `netutil.is_valid_ip`.
public func isValidIP(_ text: String) -> Bool {
    // A NUL byte would end the text for the C library.
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
    // An IPv4 address must have four numbers: the C library would accept "127.1" and "1", too.
    if !text.utf8.contains(UInt8(ascii: ":")), text.utf8.count(where: { $0 == UInt8(ascii: ".") }) != 3 { return false }
    return SocketAddress(ip: text, port: 0) != nil
}

/// The system's resolver, getaddrinfo(3), on threads that may block. A numeric address needs no thread.
///
/// Tornado: `netutil.DefaultLoopResolver`, `netutil.ThreadedResolver`.
public struct ThreadedResolver: Resolver {
    /// The default executor of all resolvers. Tornado's has ten threads, too.
    private static let sharedExecutor = ExecutorPool(size: 10, name: "twister-resolve")

    private let executor: ExecutorPool

    /// - Parameter executor: the executor that looks up names; nil: one with ten threads, which all resolvers share.
    public init(executor: ExecutorPool? = nil) { self.executor = executor ?? Self.sharedExecutor }

    /// Returns the addresses of `host`, in the system's order of preference.
    ///
    /// - Throws: `ResolverError`; `ExecutorError`; `CancellationError`.
    public func resolve(host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        if let address = SocketAddress(ip: host, port: port), family == .any || family.number == address.family {
            return [address]
        }
        return try await executor.run { try AddressLookup.addresses(of: host, port: port, family: family) }
    }
}
