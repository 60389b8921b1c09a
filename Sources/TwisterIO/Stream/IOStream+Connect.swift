import Glibc

extension IOStream: ConnectingStream {}

extension IOStream {
    /// Connects to one address. On the loop's thread.
    ///
    /// - Parameters:
    ///   - address: TCP or unix.
    ///   - sourceAddress: the address that the socket is bound to; port 0: any port. Nil: the kernel chooses.
    ///   - timeout: how long connecting may take; nil: the kernel's limit (about two minutes).
    /// - Throws: `IOError`, `ETIMEDOUT` after `timeout`; `CancellationError`. The socket is then closed.
    ///
    /// Tornado: `IOStream.connect`.
    public static func connect(
        _ loop: IOLoop, to address: SocketAddress, sourceAddress: SocketAddress? = nil, timeout: Duration? = nil
    ) async throws -> IOStream {
        loop.preconditionOnLoop()
        let connector = Connector(loop, "\(address)") { (address, ended) throws(IOError) in
            try connecting(loop, to: address, from: sourceAddress, then: ended)
        }
        return try await connector.connect(timeout: timeout) { connector.start([address]) }
    }

    /// Begins to connect; `then` gets 0 or the error number, once.
    static func connecting(
        _ loop: IOLoop, to address: SocketAddress, from source: SocketAddress?, then: @escaping (CInt) -> Void
    ) throws(IOError) -> IOStream {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let fd = socket(address.family, type, 0)
        guard fd >= 0 else { throw IOError(errno: errno, "socket for \(address)") }
        do throws(IOError) {
            if let source, source.withSockaddr({ bind(fd, $0, $1) }) != 0 {
                throw IOError(errno: errno, "bind \(source)")
            }
            let stream = try IOStream(loop, fileDescriptor: fd, connectingTo: address, then: then)
            try? stream.setNoDelay(true)
            return stream
        } catch {
            Glibc.close(fd)
            throw error
        }
    }

    /// Whether small writes go out at once (`TCP_NODELAY`) or wait for an acknowledgement. On by default: what is
    /// written within one turn goes out together anyhow. A socket that is not TCP is left as it is, and so is a
    /// connection that other streams share (HTTP/2).
    ///
    /// - Throws: `IOError`.
    ///
    /// Tornado: `IOStream.set_nodelay`.
    public func setNoDelay(_ isOn: Bool) throws(IOError) {
        if carrier != nil { return }
        guard let fd = fileDescriptor else { throw IOError(errno: EBADF, "setsockopt TCP_NODELAY") }
        guard let address = localAddress, !address.isUnix else { return }
        var value: CInt = isOn ? 1 : 0
        let result = setsockopt(
            fd, CInt(IPPROTO_TCP), TCP_NODELAY, &value, socklen_t(MemoryLayout<CInt>.size))
        guard result == 0 else { throw IOError(errno: errno, "setsockopt TCP_NODELAY") }
    }
}
