import Glibc

/// Looks up addresses with getaddrinfo(3), which blocks.
enum AddressLookup {
    /// - Parameters:
    ///   - host: a name or a numeric address; nil: the wildcard addresses.
    ///   - flags: flags of getaddrinfo(3), such as `AI_PASSIVE`.
    static func addresses(
        of host: String?, port: UInt16, family: AddressFamily = .any, flags: CInt = 0
    ) throws(ResolverError) -> [SocketAddress] {
        guard host?.utf8.contains(0) != true else {
            throw ResolverError(host: host ?? "", problem: "a host name with a byte NUL")
        }
        var hints = addrinfo()
        hints.ai_flags = flags | AI_NUMERICSERV
        hints.ai_family = family.number
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else {
            throw ResolverError(host: host ?? "*", problem: String(cString: gai_strerror(result)))
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next {
            if let found = SocketAddress(copying: entry.pointee.ai_addr, length: entry.pointee.ai_addrlen) {
                addresses.append(found)
            }
            next = entry.pointee.ai_next
        }
        return addresses
    }
}

extension AddressFamily {
    var number: CInt {
        switch self {
        case .any: AF_UNSPEC
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        }
    }
}
