import Glibc
public import TwisterIO

extension TCPClient {
    /// Connects to `host` with TLS, and waits for the handshake. The server's certificate has to be valid, of an authority that
    /// the system knows, and for this host, unless the options say otherwise. On the loop's thread.
    ///
    /// - Parameters:
    ///   - host: a name or a numeric address, which the certificate is checked for.
    ///   - port: the port of each address.
    ///   - family: the kind of addresses that may be used.
    ///   - timeout: for the look-up, the connection and the handshake together; nil: the kernel's limit for the connection, and
    ///     `SSLOptions.handshakeTimeout` for the handshake.
    ///   - sourceAddress: the address that the socket is bound to.
    ///   - maxBufferSize: the most bytes that a read of the stream may buffer; nil: 100 MiB.
    ///   - sslOptions: a client's context (`SSLContext(SSLOptions(), serverSide: false)`), which connections can share.
    /// - Throws: what `connect` without TLS throws, and `SSLError`. No socket is left open then.
    ///
    /// Tornado: `TCPClient.connect` with `ssl_options`.
    public func connect(
        host: String, port: UInt16, family: AddressFamily = .any, timeout: Duration? = nil,
        sourceAddress: SocketAddress? = nil, maxBufferSize: Int? = nil, sslOptions: SSLContext
    ) async throws -> SSLIOStream {
        let began = loop.now
        let stream = try await connect(
            host: host, port: port, family: family, timeout: timeout, sourceAddress: sourceAddress,
            maxBufferSize: maxBufferSize)
        let patience = sslOptions.handshakeTimeout
        let left = timeout.map { max(.zero, $0 - .nanoseconds(Int64(clamping: loop.now &- began))) } ?? patience
        do {
            try await stream.secure(sslOptions, host, timeout: min(left, patience))
            return stream
        } catch let error as StreamClosedError {
            guard case .error(let cause) = error.realError, cause is HandshakeTimeoutError else { throw error }
            throw IOError(errno: ETIMEDOUT, "TLS handshake with \(host) port \(port)")
        } catch {
            stream.close()
            throw error
        }
    }

    /// The same with options, whose files are read for this connection.
    public func connect(
        host: String, port: UInt16, family: AddressFamily = .any, timeout: Duration? = nil,
        sourceAddress: SocketAddress? = nil, maxBufferSize: Int? = nil, sslOptions: SSLOptions
    ) async throws -> SSLIOStream {
        let context = try SSLContext(sslOptions, serverSide: false)
        return try await connect(
            host: host, port: port, family: family, timeout: timeout, sourceAddress: sourceAddress,
            maxBufferSize: maxBufferSize, sslOptions: context)
    }
}
