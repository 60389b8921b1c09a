/// A network of IPv4 or IPv6 addresses, which begin with the same bits (CIDR, RFC 4632 and RFC 4291).
///
///     let office: IPNetwork = "192.0.2.0/24"
public struct IPNetwork: Hashable, Sendable {
    private let base: IPAddress
    /// The number of bits of the 128 that the addresses have in common. It includes the 96 bits before an IPv4 address.
    private let prefix: Int
    private let isIPv4: Bool

    /// Reads `address/bits`, or an address alone. Returns nil for any other text, and where bits behind the prefix are set,
    /// which is usually a mistake.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
        isIPv4 = address.isIPv4 && !first.contains(":")
        let width = isIPv4 ? 32 : 128
        var bits = width
        if parts.count == 2 {
            guard let number = String(parts[1]).withOctets(DecimalNumber.parse), number <= width else {
                return nil
            }
            bits = number
        }
        prefix = bits + 128 - width
        let masked = address.masked(prefix)
        guard masked == address else { return nil }
        base = masked
    }

    /// The loopback addresses of IPv4 and IPv6.
    public static let loopback: [IPNetwork] = ["127.0.0.0/8", "::1"]

    /// Whether the address lies in the network.
    public func contains(_ address: IPAddress) -> Bool {
        // A network of IPv6 addresses, even ::/0, contains no IPv4 addresses.
        address.isIPv4 == isIPv4 && address.masked(prefix) == base
    }
}

extension IPNetwork: ExpressibleByStringLiteral {
    /// Reads a literal. A literal that is no network is a mistake in the program and ends it.
    public init(stringLiteral text: String) {
        guard let network = IPNetwork(text) else { preconditionFailure("not an IP network: \(text)") }
        self = network
    }
}
