/// Sends some hosts elsewhere, without a change of the system's tables: for tests, and for what DNS does not know.
///
/// The most exact rule wins: host, port and family before host and port before the host alone.
///
/// Tornado: `netutil.OverrideResolver`.
public struct OverrideResolver: Resolver {
    /// What a rule is for.
    public struct Source: Sendable, Hashable {
        /// The host that is asked for.
        public let host: String
        /// The port that is asked for; nil: any.
        public let port: UInt16?
        /// The family that is asked for; nil: any.
        public let family: AddressFamily?

        /// - Parameters:
        ///   - port: nil: every port.
        ///   - family: nil: every family; only with a port.
        public init(_ host: String, port: UInt16? = nil, family: AddressFamily? = nil) {
            self.host = host
            self.port = port
            self.family = family
        }
    }

    /// What is resolved instead.
    public struct Target: Sendable, Hashable {
        /// The host to look up instead.
        public let host: String
        /// The port to connect to instead; nil: the one that was asked for.
        public let port: UInt16?

        /// - Parameter port: nil: the port that was asked for.
        public init(_ host: String, port: UInt16? = nil) {
            self.host = host
            self.port = port
        }
    }

    private let resolver: any Resolver
    private let mapping: [Source: Target]

    /// - Parameters:
    ///   - resolver: resolves what the rules lead to, and everything else.
    ///   - mapping: the rules.
    public init(_ resolver: any Resolver = ThreadedResolver(), mapping: [Source: Target]) {
        self.resolver = resolver
        self.mapping = mapping
    }

    /// The addresses of what stands in for `host`, or of `host` itself.
    public func resolve(host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        let target =
            mapping[Source(host, port: port, family: family)] ?? mapping[Source(host, port: port)]
            ?? mapping[Source(host)] ?? Target(host)
        return try await resolver.resolve(host: target.host, port: target.port ?? port, family: family)
    }

    /// Closes the resolver underneath.
    public func close() { resolver.close() }
}
