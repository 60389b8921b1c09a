/// Replaces some hosts and ports by others, without a change of the system's configuration: for tests, and for hosts that DNS
/// does not know.
///
/// The most specific rule applies: one with host, port and family before one with host and port, before one with the host
/// alone.
///
/// Tornado: `netutil.OverrideResolver`.
public struct OverrideResolver: Resolver {
    /// The requests that a rule applies to.
    public struct Source: Sendable, Hashable {
        /// The requested host.
        public let host: String
        /// The requested port; nil: any.
        public let port: UInt16?
        /// The requested family; nil: any.
        public let family: AddressFamily?

        /// - Parameters:
        ///   - host: the requested host.
        ///   - port: the requested port; nil: any.
        ///   - family: the requested family; nil: any. Requires a port.
        public init(_ host: String, port: UInt16? = nil, family: AddressFamily? = nil) {
            self.host = host
            self.port = port
            self.family = family
        }
    }

    /// The host and port to use instead.
    public struct Target: Sendable, Hashable {
        /// The host to look up instead.
        public let host: String
        /// The port to connect to instead; nil: the requested one.
        public let port: UInt16?

        /// - Parameters:
        ///   - host: the host to look up instead.
        ///   - port: the port to connect to instead; nil: the requested one.
        public init(_ host: String, port: UInt16? = nil) {
            self.host = host
            self.port = port
        }
    }

    private let resolver: any Resolver
    private let mapping: [Source: Target]

    /// - Parameters:
    ///   - resolver: resolves the replaced hosts, and those to which no rule applies.
    ///   - mapping: the rules.
    public init(_ resolver: any Resolver = ThreadedResolver(), mapping: [Source: Target]) {
        self.resolver = resolver
        self.mapping = mapping
    }

    /// Returns the addresses of the host that replaces `host`, or of `host` itself if no rule applies.
    ///
    /// - Throws: the error of the underlying resolver.
    public func resolve(host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        let target =
            mapping[Source(host, port: port, family: family)] ?? mapping[Source(host, port: port)]
            ?? mapping[Source(host)] ?? Target(host)
        return try await resolver.resolve(host: target.host, port: target.port ?? port, family: family)
    }

    /// Closes the underlying resolver.
    public func close() { resolver.close() }
}
