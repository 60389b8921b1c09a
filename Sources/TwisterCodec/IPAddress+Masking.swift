extension IPAddress {
    /// The first bits of the 128; the others are cleared.
    func masked(_ bits: Int) -> IPAddress {
        // Over-long shifts give 0, which is what is wanted.
        IPAddress(
            high: high & ~(UInt64.max >> UInt64(min(max(bits, 0), 64))),
            low: low & ~(UInt64.max >> UInt64(max(bits - 64, 0))))
    }

    /// The first bits of an IPv4 address's 32, or of an IPv6 address's 128: the network that it lies in.
    package func masked(ipv4 bitsOfIPv4: Int, ipv6 bitsOfIPv6: Int) -> IPAddress {
        masked(isIPv4 ? 96 + min(max(bitsOfIPv4, 0), 32) : min(max(bitsOfIPv6, 0), 128))
    }
}
