/// Reads the header in which a load balancer names the client before the connection's own octets: the PROXY protocol,
/// version 1 (a line of text) and version 2 (binary).
///
/// A pure function of the octets that have arrived. The caller calls it again with more octets where the header is not
/// complete.
package enum ProxyProtocolParser {
    package enum Result: Equatable, Sendable {
        case needMore
        /// `source` is nil where the connection's own address is that of the client: the balancer itself sends the request
        /// (LOCAL), or it does not know the client (UNKNOWN), or the client has no IP address.
        case complete(consumed: Int, source: IPAddress?)
        /// There is no such header. The connection has to be closed.
        case invalid
    }

    /// The longest line of version 1, with its line end.
    package static var longestLine: Int { 107 }
    /// The longest header of version 2 that is read. Addresses have at most 216 octets, and the rest are TLVs.
    package static var longestHeader: Int { 4096 }

    package static func parse(_ octets: UnsafeRawBufferPointer) -> Result {
        guard let first = octets.first else { return .needMore }
        return first == ASCII.carriageReturn ? parseBinary(octets) : parseLine(octets)
    }

    // MARK: Version 1

    /// "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443" CRLF
    private static func parseLine(_ octets: UnsafeRawBufferPointer) -> Result {
        let start: StaticString = "PROXY "
        for index in 0..<min(octets.count, start.utf8CodeUnitCount) where octets[index] != start.utf8Start[index] {
            return .invalid
        }
        let head = octets.prefix(longestLine)
        guard let lineFeed = head.firstIndex(of: ASCII.lineFeed) else {
            return octets.count >= longestLine ? .invalid : .needMore
        }
        guard lineFeed > start.utf8CodeUnitCount, octets[lineFeed - 1] == ASCII.carriageReturn else { return .invalid }
        let line = UnsafeRawBufferPointer(rebasing: octets[start.utf8CodeUnitCount..<(lineFeed - 1)])
        let words = line.split(separator: ASCII.space, maxSplits: 5, omittingEmptySubsequences: false)
            .map { UnsafeRawBufferPointer(rebasing: $0) }
        // The text behind UNKNOWN has to be ignored.
        if Octets.equal(words[0], "UNKNOWN") { return .complete(consumed: lineFeed + 1, source: nil) }
        let isIPv4 = Octets.equal(words[0], "TCP4")
        guard isIPv4 || Octets.equal(words[0], "TCP6"), words.count == 5, isPort(words[3]), isPort(words[4]),
            let source = address(words[1], isIPv4), address(words[2], isIPv4) != nil
        else { return .invalid }
        return .complete(consumed: lineFeed + 1, source: source)
    }

    private static func address(_ word: UnsafeRawBufferPointer, _ isIPv4: Bool) -> IPAddress? {
        word.contains(ASCII.colon) == isIPv4 ? nil : IPAddress(text: word)
    }

    private static func isPort(_ word: UnsafeRawBufferPointer) -> Bool {
        (1...5).contains(word.count) && (word.count == 1 || word[0] != ASCII.zero)
            && (DecimalNumber.parse(word) ?? .max) <= 65_535
    }

    // MARK: Version 2

    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    /// Reads signature, version and command, family and transport, length and addresses. TLVs are skipped.
    private static func parseBinary(_ octets: UnsafeRawBufferPointer) -> Result {
        for index in 0..<min(octets.count, signature.count) where octets[index] != signature[index] { return .invalid }
        guard octets.count >= 16 else { return .needMore }
        guard octets[12] >> 4 == 2 else { return .invalid }
        let length = 16 + Int(octets[14]) << 8 + Int(octets[15])
        guard length <= longestHeader else { return .invalid }
        guard octets.count >= length else { return .needMore }
        switch octets[12] & 0x0F {
        case 0: return .complete(consumed: length, source: nil)
        case 1: break
        default: return .invalid
        }
        let payload = UnsafeRawBufferPointer(rebasing: octets[16..<length])
        let size: Int
        switch octets[13] >> 4 {
        case 1: size = 4
        case 2: size = 16
        // Unspecified addresses and those of unix sockets are no IP addresses.
        case 0, 3: return .complete(consumed: length, source: nil)
        default: return .invalid
        }
        // Both addresses and both ports have to be present.
        guard octets[13] & 0x0F <= 2, payload.count >= 2 * size + 4 else { return .invalid }
        return .complete(
            consumed: length, source: IPAddress(octets: UnsafeRawBufferPointer(rebasing: payload[..<size])))
    }
}
