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
    try bindSockets(port: port, address: address, copies: 1, options: options)[0]
}

/// Binds `port` on `address` for several loops of this process: each gets sockets of its own, and the kernel distributes the
/// connections among them.
///
/// Another program that listens on the port, with however many loops, makes the call fail, and a port bound by this call
/// cannot be bound by another program either, unless that one asks for `reusePort`. With `reusePort` in `options`, this
/// call shares the port too.
///
/// - Parameters:
///   - port: the port; 0: a free one, the same for all addresses and loops.
///   - address: a numeric address, `localhost`, a host name (resolved here, blocking), or nil for every interface.
///   - copies: the number of loops, 1 or more.
/// - Returns: the sockets of each loop; all loops have the same addresses, in the same order.
/// - Throws: `IOError` with the address and the port in its text, for instance `EADDRINUSE`.
///
/// Tornado: `netutil.bind_sockets` with `reuse_port`, in each process.
public func bindSockets(
    port: UInt16, address: String? = nil, copies: Int, options: ListenOptions = ListenOptions()
) throws(IOError) -> [[ListeningSocket]] {
    precondition(copies >= 1, "bindSockets: copies is at least 1")
    let addresses: [SocketAddress]
    do throws(ResolverError) {
        addresses = try AddressLookup.addresses(of: address, port: port, flags: AI_PASSIVE)
    } catch {
        throw IOError(errno: EADDRNOTAVAIL, "bind \(address ?? "*") port \(port): \(error.problem)")
    }
    // With port 0, the port that is free on the first address may be in use on the second one; then another port is tried.
    var triesLeft = port == 0 ? 16 : 1
    while true {
        triesLeft -= 1
        do throws(IOError) {
            return try bindAll(addresses, port, address, copies, options)
        } catch {
            guard error.errnoCode == EADDRINUSE, triesLeft > 0 else { throw error }
        }
    }
}

private func bindAll(
    _ addresses: [SocketAddress], _ port: UInt16, _ name: String?, _ copies: Int, _ options: ListenOptions
) throws(IOError) -> [[ListeningSocket]] {
    var boundPort = port
    var sockets = Array(repeating: [ListeningSocket](), count: copies)
    // A resolver may return an address twice.
    for (index, candidate) in addresses.enumerated() where !addresses[..<index].contains(candidate) {
        guard var target = candidate.withPort(boundPort) else { continue }
        do throws(IOError) {
            let first = try bindFirst(target, isShared: copies > 1, options)
            if boundPort == 0 { boundPort = first.address?.port ?? 0 }
            sockets[0].append(first)
            // The further sockets have to be bound to the very address of the first one.
            target = first.address ?? target
            for copy in 1..<copies { sockets[copy].append(try bindShared(target, options)) }
        } catch {
            // A machine may have IPv4 only.
            guard error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL,
                name == nil || name == "localhost"
            else { throw error }
        }
    }
    guard !sockets[0].isEmpty else { throw IOError(errno: EADDRNOTAVAIL, "bind \(name ?? "*") port \(port)") }
    return sockets
}

/// Binds the first socket of an address. It gets `SO_REUSEPORT` only once it listens, so that the kernel compares it with the
/// sockets of other programs as one that does not share its port.
private func bindFirst(
    _ address: SocketAddress, isShared: Bool, _ options: ListenOptions
) throws(IOError) -> ListeningSocket {
    if options.reusePort { return try bindShared(address, options) }
    let socket = try makeSocket(address)
    try bindAndListen(socket, address, options)
    if isShared { try sharePort(socket, address) }
    return socket
}

private func bindShared(_ address: SocketAddress, _ options: ListenOptions) throws(IOError) -> ListeningSocket {
    let socket = try makeSocket(address)
    try sharePort(socket, address)
    try bindAndListen(socket, address, options)
    return socket
}

private func makeSocket(_ address: SocketAddress) throws(IOError) -> ListeningSocket {
    let socket = try ListeningSocket(unboundFor: address)
    let fd = socket.fileDescriptor
    setOption(fd, SOL_SOCKET, SO_REUSEADDR)
    // Accepted sockets inherit the option: a response must not wait until the client has acknowledged the one before.
    setOption(fd, CInt(IPPROTO_TCP), TCP_NODELAY)
    if address.family == AF_INET6 { setOption(fd, CInt(IPPROTO_IPV6), IPV6_V6ONLY) }
    return socket
}

private func sharePort(_ socket: ListeningSocket, _ address: SocketAddress) throws(IOError) {
    guard setOption(socket.fileDescriptor, SOL_SOCKET, SO_REUSEPORT) else {
        throw IOError(errno: errno, "share the port of \(address)")
    }
}

private func bindAndListen(
    _ socket: ListeningSocket, _ address: SocketAddress, _ options: ListenOptions
) throws(IOError) {
    let fd = socket.fileDescriptor
    guard address.withSockaddr({ bind(fd, $0, $1) }) == 0 else { throw IOError(errno: errno, "bind \(address)") }
    try socket.listen(options, address)
}

@discardableResult
private func setOption(_ fd: CInt, _ level: CInt, _ name: CInt) -> Bool {
    var on: CInt = 1
    return setsockopt(fd, level, name, &on, socklen_t(MemoryLayout<CInt>.size)) == 0
}

extension ListeningSocket {
    /// Makes a socket for `address`, which is not bound yet.
    convenience init(unboundFor address: SocketAddress) throws(IOError) {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let fd = socket(address.family, type, 0)
        guard fd >= 0 else { throw IOError(errno: errno, "socket for \(address)") }
        self.init(takingOver: fd)
    }

    /// Starts to listen, once the socket is bound to `address`.
    func listen(_ options: ListenOptions, _ address: SocketAddress) throws(IOError) {
        guard Glibc.listen(fileDescriptor, CInt(clamping: options.backlog)) == 0 else {
            throw IOError(errno: errno, "listen \(address)")
        }
    }
}
