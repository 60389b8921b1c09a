package import TwisterCodec

/// Who counts as one client: the first bits of an address.
package struct ClientPrefix: Hashable, Sendable {
    private let network: IPAddress

    package init(_ address: IPAddress, _ limits: ClientLimits) {
        network = address.masked(ipv4: limits.ipv4PrefixLength, ipv6: limits.ipv6PrefixLength)
    }
}
