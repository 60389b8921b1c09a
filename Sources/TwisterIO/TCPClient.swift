/// Connects to a host by name.
///
/// Tornado: `tcpclient.TCPClient`.
public final class TCPClient {
    /// The loop that the streams belong to.
    public let loop: IOLoop
    private let resolver: any Resolver
    private let ownsResolver: Bool

    /// - Parameters:
    ///   - loop: the loop of the streams.
    ///   - resolver: nil: a `ThreadedResolver` of the client's own.
    public init(_ loop: IOLoop, resolver: (any Resolver)? = nil) {
        self.loop = loop
        self.resolver = resolver ?? ThreadedResolver()
        ownsResolver = resolver == nil
    }

    /// Connects to `host` and `port`: to whichever of its addresses answers first, IPv4 and IPv6 beside each other
    /// (RFC 6555). On the loop's thread.
    ///
    /// - Parameters:
    ///   - host: a name or a numeric address.
    ///   - family: which addresses may be taken.
    ///   - timeout: for everything, the look-up included; nil: the kernel's patience.
    ///   - sourceAddress: what the socket is bound to; port 0: any port. Only addresses of its family are then tried.
    ///   - maxBufferSize: of the stream; nil: 100 MiB.
    /// - Throws: `IOError` of the last address tried, with `ETIMEDOUT` after `timeout`; what the resolver throws;
    ///   `CancellationError`. Nothing is left open then.
    ///
    /// Tornado: `TCPClient.connect`.
    public func connect(
        host: String, port: UInt16, family: AddressFamily = .any, timeout: Duration? = nil,
        sourceAddress: SocketAddress? = nil, maxBufferSize: Int? = nil
    ) async throws -> IOStream {
        loop.preconditionOnLoop()
        let connector = Connector(loop, "\(host) port \(port)", sourceAddress: sourceAddress)
        var lookup: Task<Void, Never>?
        defer { lookup?.cancel() }
        let stream = try await connector.connect(timeout: timeout) {
            let transfer = UncheckedTransfer(connector)
            lookup = Task(executorPreference: loop) { [resolver] in
                do {
                    let found = try await resolver.resolve(host: host, port: port, family: family)
                    transfer.value.start(
                        found.filter { sourceAddress == nil || $0.family == sourceAddress?.family })
                } catch {
                    transfer.value.fail(error)
                }
            }
        }
        if let maxBufferSize { stream.maxBufferSize = maxBufferSize }
        return stream
    }

    /// Closes the client's own resolver; one that was given stays open. Tornado: `TCPClient.close`.
    public func close() { if ownsResolver { resolver.close() } }
}
