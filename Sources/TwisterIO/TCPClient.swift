/// Connects to a host by name.
///
/// Tornado: `tcpclient.TCPClient`.
public final class TCPClient {
    /// The loop that the streams belong to.
    public let loop: IOLoop
    private let resolver: any Resolver
    private let ownsResolver: Bool

    /// - Parameters:
    ///   - loop: the loop that the streams belong to.
    ///   - resolver: finds the addresses of a host; nil: a `ThreadedResolver` of the client's own.
    public init(_ loop: IOLoop, resolver: (any Resolver)? = nil) {
        self.loop = loop
        self.resolver = resolver ?? ThreadedResolver()
        ownsResolver = resolver == nil
    }

    /// Connects to the first address of `host` that accepts; IPv4 and IPv6 addresses are tried side by side (RFC 6555). On
    /// the loop's thread.
    ///
    /// - Parameters:
    ///   - host: a name or a numeric address.
    ///   - port: the port of each address.
    ///   - family: the kind of addresses that may be used.
    ///   - timeout: for the look-up and the connection together; nil: the kernel's own limit.
    ///   - sourceAddress: the address that the socket is bound to, with port 0 for any port. Only addresses of its family are
    ///     then tried.
    ///   - maxBufferSize: the most bytes that a read of the stream may buffer; nil: 100 MiB.
    /// - Throws: the `IOError` of the last address tried; `IOError` with `ETIMEDOUT` after `timeout`; the resolver's error;
    ///   `CancellationError`. No socket is left open then.
    ///
    /// Tornado: `TCPClient.connect`.
    public func connect(
        host: String, port: UInt16, family: AddressFamily = .any, timeout: Duration? = nil,
        sourceAddress: SocketAddress? = nil, maxBufferSize: Int? = nil
    ) async throws -> IOStream {
        loop.preconditionOnLoop()
        let connector = Connector(loop, "\(host) port \(port)") { [loop] (address, ended) throws(IOError) in
            try IOStream.connecting(loop, to: address, from: sourceAddress, then: ended)
        }
        var lookup: Task<Void, Never>?
        defer { lookup?.cancel() }
        let stream = try await connector.connect(timeout: timeout) {
            let transfer = LoopBound(connector)
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

    /// Closes the client's own resolver; one that was passed to `init` stays open. Tornado: `TCPClient.close`.
    public func close() { if ownsResolver { resolver.close() } }
}
