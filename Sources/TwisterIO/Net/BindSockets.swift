import Glibc

/// The options of a listening socket.
public struct ListenOptions: Sendable {
    /// The most connections that the kernel keeps until they are accepted. Default 1,024. Tornado: 128.
    public var backlog: Int
    /// `SO_REUSEPORT`: several sockets, of several loops or processes, share the port, and the kernel distributes the
    /// connections among them. Default false.
    public var reusePort: Bool

    public init(backlog: Int = 1024, reusePort: Bool = false) {
        self.backlog = backlog
        self.reusePort = reusePort
    }
}

/// Binds `port` on `address`: a numeric address, `localhost`, a host name (resolved here, blocking), or nil for every
/// interface, IPv4 and IPv6. Makes one socket for each address; with port 0 all get the same free port.
///
/// - Throws: `IOError` with the address and the port in its text, for instance `EADDRINUSE`.
///
/// Tornado: `netutil.bind_sockets`.
public func bindSockets(
    port: UInt16, address: String? = nil, options: ListenOptions = ListenOptions()
) throws(IOError) -> [ListeningSocket] {
    let addresses: [SocketAddress]
    do throws(ResolverError) {
        addresses = try AddressLookup.addresses(of: address, port: port, flags: AI_PASSIVE)
    } catch {
        throw IOError(errno: EADDRNOTAVAIL, "bind \(address ?? "*") port \(port): \(error.problem)")
    }
    // The free port of the first address may be in use on the second; then another port is tried.
    var triesLeft = port == 0 ? 16 : 1
    while true {
        triesLeft -= 1
        do throws(IOError) {
            return try bindAll(addresses, port, address, options)
        } catch {
            guard error.errnoCode == EADDRINUSE, triesLeft > 0 else { throw error }
        }
    }
}

private func bindAll(
    _ addresses: [SocketAddress], _ port: UInt16, _ name: String?, _ options: ListenOptions
) throws(IOError) -> [ListeningSocket] {
    var boundPort = port
    var sockets: [ListeningSocket] = []
    // A resolver may return an address twice.
    for (index, candidate) in addresses.enumerated() where !addresses[..<index].contains(candidate) {
        guard let target = candidate.withPort(boundPort) else { continue }
        do throws(IOError) {
            let socket = try bindSocket(target, options)
            if boundPort == 0 { boundPort = socket.address?.port ?? 0 }
            sockets.append(socket)
        } catch {
            // A machine may have IPv4 only.
            guard error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL,
                name == nil || name == "localhost"
            else { throw error }
        }
    }
    guard !sockets.isEmpty else { throw IOError(errno: EADDRNOTAVAIL, "bind \(name ?? "*") port \(port)") }
    return sockets
}

/// Binds a unix socket at `path` with the permissions `mode`. If the first byte of `path` is NUL, it is a name in the abstract
/// namespace. An existing socket is replaced; another kind of file is not.
///
/// - Throws: `IOError`, with `EEXIST` for another kind of file.
///
/// Tornado: `netutil.bind_unix_socket`.
public func bindUnixSocket(
    _ path: String, mode: UInt32 = 0o600, options: ListenOptions = ListenOptions()
) throws(IOError) -> ListeningSocket {
    let address = try SocketAddress(unixPath: path)
    if path.utf8.first != 0 {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFSOCK else {
                throw IOError(errno: EEXIST, "bind unix:\(path): the file is not a socket")
            }
            unlink(path)
        }
    }
    return try bindSocket(address, options, mode: path.utf8.first == 0 ? nil : (path, mode))
}

private func bindSocket(
    _ address: SocketAddress, _ options: ListenOptions, mode: (path: String, bits: UInt32)? = nil
) throws(IOError) -> ListeningSocket {
    let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    let fd = socket(address.family, type, 0)
    guard fd >= 0 else { throw IOError(errno: errno, "socket for \(address)") }
    let bound = ListeningSocket(takingOver: fd)
    if !address.isUnix {
        setOption(fd, SOL_SOCKET, SO_REUSEADDR)
        // Accepted sockets inherit it: a response must not wait until the client has acknowledged the one before.
        setOption(fd, CInt(IPPROTO_TCP), TCP_NODELAY)
        if address.family == AF_INET6 { setOption(fd, CInt(IPPROTO_IPV6), IPV6_V6ONLY) }
    }
    if options.reusePort { setOption(fd, SOL_SOCKET, SO_REUSEPORT) }
    let result = address.withSockaddr { bind(fd, $0, $1) }
    guard result == 0 else { throw IOError(errno: errno, "bind \(address)") }
    // No client can connect before it listens, so none connects under other permissions.
    if let mode, chmod(mode.path, mode.bits) != 0 { throw IOError(errno: errno, "chmod \(mode.path)") }
    guard listen(fd, CInt(clamping: options.backlog)) == 0 else { throw IOError(errno: errno, "listen \(address)") }
    return bound
}

private func setOption(_ fd: CInt, _ level: CInt, _ name: CInt) {
    var on: CInt = 1
    setsockopt(fd, level, name, &on, socklen_t(MemoryLayout<CInt>.size))
}
