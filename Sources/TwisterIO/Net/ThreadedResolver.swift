/// The system's resolver, getaddrinfo(3), on threads that may block. A numeric address is answered at once.
///
/// Tornado: `netutil.DefaultLoopResolver`, `netutil.ThreadedResolver`.
public struct ThreadedResolver: Resolver {
    /// Shared by all resolvers that are given none. Tornado's has ten threads, too.
    private static let sharedExecutor = ExecutorPool(size: 10, name: "twister-resolve")

    private let executor: ExecutorPool

    /// - Parameter executor: on whose threads names are looked up; nil: ten threads that all resolvers share.
    public init(executor: ExecutorPool? = nil) { self.executor = executor ?? Self.sharedExecutor }

    /// The addresses of `host`, in the system's order. Throws `ResolverError`.
    public func resolve(host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        if let address = SocketAddress(ip: host, port: port), family == .any || family.number == address.family {
            return [address]
        }
        return try await executor.run { try AddressLookup.addresses(of: host, port: port, family: family) }
    }
}
