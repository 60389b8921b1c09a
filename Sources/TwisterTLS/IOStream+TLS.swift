public import TwisterIO

/// A stream with TLS. It is an `IOStream` that reads and writes as any other; `security` says what was negotiated.
///
/// Tornado: `iostream.SSLIOStream`.
public typealias SSLIOStream = IOStream

/// The stream has bytes that were not read yet, or reads, or has TLS already.
///
/// Tornado: the `ValueError` "IOStream is not idle; cannot convert to SSL".
public struct StreamNotIdleError: Error, CustomStringConvertible {
    public var description: String { "IOStream is not idle; cannot convert to SSL" }
}

extension IOStream {
    /// Starts TLS on a stream that has spoken in the clear so far, and waits for the handshake: for protocols with a command such
    /// as STARTTLS. What was written before is sent first. On the loop's thread.
    ///
    /// - Parameters:
    ///   - context: the certificates and rules; whether this side is the server is the context's.
    ///   - serverHostname: on a client, the host whose certificate is expected.
    /// - Returns: the same stream, which has TLS from now on.
    /// - Throws: `StreamNotIdleError` where the stream reads, or has bytes that were not read (which somebody may have
    ///   injected); `SSLError`; `StreamClosedError`; `CancellationError`, which closes the stream.
    ///
    /// Tornado: `IOStream.start_tls`.
    @discardableResult
    public func startTLS(_ context: SSLContext, serverHostname: String? = nil) async throws -> SSLIOStream {
        loop.preconditionOnLoop()
        try await secure(context, serverHostname, timeout: context.handshakeTimeout)
        return self
    }

    func secure(_ context: SSLContext, _ serverHostname: String?, timeout: Duration) async throws {
        try await flush()
        guard isIdle else { throw StreamNotIdleError() }
        let filter = TLSFilter(context.shared(on: loop), context, hostName: serverHostname)
        addFilter(filter, handshakeTimeout: timeout)
        try await waitForHandshake()
    }

    /// The same with options. Reads their files, which blocks the loop for some milliseconds; several connections better share an
    /// `SSLContext`.
    @discardableResult
    public func startTLS(
        serverSide: Bool, sslOptions: SSLOptions = SSLOptions(), serverHostname: String? = nil
    ) async throws -> SSLIOStream {
        try await startTLS(SSLContext(sslOptions, serverSide: serverSide), serverHostname: serverHostname)
    }

    /// Waits until the TLS handshake is finished, so that `security` is known. Returns at once where the stream has no TLS. On
    /// the loop's thread.
    ///
    /// - Throws: on a client `SSLError`; `StreamClosedError` with the reason where the connection broke or the handshake took
    ///   too long, and on a server whatever the client did wrong; `CancellationError`, which closes the stream.
    ///
    /// Tornado: `SSLIOStream.wait_for_handshake`.
    public func waitForHandshake() async throws {
        loop.preconditionOnLoop()
        if isClosed { throw closedError }
        guard let filter = filter as? TLSFilter else { return }
        do {
            try await wait { resume in filter.whenHandshakeEnds(resume) }
        } catch let error where filter.isServer || error is TLSFilter.HandshakeCut {
            if error is CancellationError { throw error }
            // A stream whose handshake has failed closes once the peer has got the alert.
            throw isClosed ? closedError : StreamClosedError(realError: .error(error))
        }
    }
}
