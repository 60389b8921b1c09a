public import TwisterIO

extension TCPServer {
    /// Listens on `port` of `address` (nil: every interface) with TLS. May be called several times, with other certificates.
    ///
    /// - Throws: `IOError` with the address and the port in its text.
    ///
    /// Tornado: `TCPServer(ssl_options)` and `listen`.
    public func listen(
        port: UInt16, address: String? = nil, sslOptions: SSLContext, options: ListenOptions = ListenOptions()
    ) throws(IOError) {
        try addSockets(bindSockets(port: port, address: address, options: options), sslOptions: sslOptions)
    }

    /// Accepts, with TLS, on sockets that listen already.
    ///
    /// `handleStream` is called before the handshake: what it writes is sent, and what it reads comes, once the handshake is
    /// finished (`IOStream.waitForHandshake`).
    ///
    /// Tornado: `TCPServer.add_sockets`.
    public func addSockets(_ sockets: [ListeningSocket], sslOptions: SSLContext) throws(IOError) {
        sslOptions.secure(sockets)
        try addSockets(sockets)
    }
}
