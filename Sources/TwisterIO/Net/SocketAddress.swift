package import Glibc

/// The address of a socket: IPv4, IPv6 or unix.
public struct SocketAddress: Sendable, Equatable, CustomStringConvertible {
    private var storage: sockaddr_storage
    private var length: socklen_t

    init(storage: sockaddr_storage, length: socklen_t) {
        self.storage = storage
        self.length = length
    }

    /// Parses a numeric IPv4 or IPv6 address, with or without zone; nil for any other text, host names included.
    public init?(ip: String, port: UInt16) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(ip, String(port), &hints, &list) == 0, let first = list else { return nil }
        defer { freeaddrinfo(list) }
        self.init(copying: first.pointee.ai_addr, length: first.pointee.ai_addrlen)
    }

    /// Creates the address of a unix socket. If the first byte of `path` is NUL, it is a name in the abstract namespace.
    ///
    /// - Throws: `IOError` with `ENAMETOOLONG` if `path` is empty or longer than 107 bytes.
    public init(unixPath path: String) throws(IOError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count < room, !bytes.isEmpty else { throw IOError(errno: ENAMETOOLONG, "unix socket \(path)") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        storage = sockaddr_storage()
        let isAbstract = bytes[0] == 0
        let header = MemoryLayout<sockaddr_un>.size - room
        length = socklen_t(header + bytes.count + (isAbstract ? 0 : 1))
        withUnsafeMutableBytes(of: &storage) { target in
            withUnsafeBytes(of: address) { target.copyMemory(from: $0) }
        }
    }

    init?(copying pointer: UnsafePointer<sockaddr>?, length: socklen_t) {
        guard let pointer, Int(length) <= MemoryLayout<sockaddr_storage>.size else { return nil }
        storage = sockaddr_storage()
        self.length = length
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(length)))
        }
    }

    public static func == (left: SocketAddress, right: SocketAddress) -> Bool {
        withUnsafeBytes(of: left.storage) { one in
            withUnsafeBytes(of: right.storage) { other in
                left.length == right.length
                    && one.prefix(Int(left.length)).elementsEqual(other.prefix(Int(right.length)))
            }
        }
    }

    static func local(of fd: CInt) -> SocketAddress? { read(fd, getsockname) }
    static func peer(of fd: CInt) -> SocketAddress? { read(fd, getpeername) }

    private static func read(
        _ fd: CInt, _ call: (CInt, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> CInt
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(fd, $0, &length) }
        }
        return result == 0 ? SocketAddress(storage: storage, length: length) : nil
    }

    package func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result) rethrows -> Result
    {
        try withUnsafePointer(to: storage) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, length) }
        }
    }

    var family: CInt { CInt(storage.ss_family) }

    /// Whether it is the address of a unix socket.
    public var isUnix: Bool { family == AF_UNIX }

    /// The port; nil for a unix socket.
    public var port: UInt16? {
        switch family {
        case AF_INET, AF_INET6:
            // The port is at the same offset in both structures.
            withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
        default: nil
        }
    }

    /// Calls `body` with the address's 4 or 16 octets, in network order; nil for a unix socket.
    package func withIPOctets<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        // The octets follow the family and the port; in IPv6, the flow information is between them.
        let range: Range<Int>
        switch family {
        case AF_INET: range = 4..<8
        case AF_INET6: range = 8..<24
        default: return nil
        }
        return withUnsafeBytes(of: storage) { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// The numeric address without the port; nil for a unix socket.
    public var ip: String? {
        guard family == AF_INET || family == AF_INET6 else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { host in
            withSockaddr { address, length in
                let result = getnameinfo(
                    address, length, host.baseAddress, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
                guard result == 0, let base = host.baseAddress else { return nil }
                return String(cString: base)
            }
        }
    }

    /// The path of a unix socket, empty if it has none; nil for other sockets.
    public var unixPath: String? {
        guard isUnix else { return nil }
        let offset = MemoryLayout<sockaddr_un>.size - 108
        guard Int(length) > offset else { return "" }
        return withUnsafeBytes(of: storage) { bytes in
            let path = bytes[offset..<Int(length)]
            // A path ends before the first NUL; an abstract name begins with one.
            return String(decoding: path.first == 0 ? path[...] : path.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    public var description: String {
        if let path = unixPath { return "unix:\(path)" }
        guard let ip, let port else { return "unknown" }
        return family == AF_INET6 ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
}

extension SocketAddress {
    /// The same address with another port; nil for a unix socket.
    func withPort(_ port: UInt16) -> SocketAddress? {
        ip.flatMap { SocketAddress(ip: $0, port: port) }
    }
}
