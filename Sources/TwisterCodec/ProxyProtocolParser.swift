/// Reads the header that a load balancer puts before a connection's own bytes to say who the client is: the PROXY
/// protocol, version 1 (a line of text) and version 2 (binary).
///
/// A pure function of the octets that have come: called again with more where it is not whole.
package enum ProxyProtocolParser {
    package enum Result: Equatable, Sendable {
        case needMore
        /// `source` nil: the balancer speaks for itself (LOCAL), or does not know (UNKNOWN), or the client has no IP
        /// address: the connection's own address holds.
        case complete(consumed: Int, source: IPAddress?)
        /// No such header. The connection has to be closed.
        case invalid
    }

    /// Longest line of version 1, its end included.
    package static var longestLine: Int { 107 }
    /// Longest header of version 2 that is read: addresses take at most 216 octets, the rest are TLVs.
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
        // What stands behind UNKNOWN is to be ignored.
        if matches(words[0], "UNKNOWN") { return .complete(consumed: lineFeed + 1, source: nil) }
        let isIPv4 = matches(words[0], "TCP4")
        guard isIPv4 || matches(words[0], "TCP6"), words.count == 5, isPort(words[3]), isPort(words[4]),
            let source = address(words[1], isIPv4), address(words[2], isIPv4) != nil
        else { return .invalid }
        return .complete(consumed: lineFeed + 1, source: source)
    }

    private static func matches(_ word: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        word.count == text.utf8CodeUnitCount && (0..<word.count).allSatisfy { word[$0] == text.utf8Start[$0] }
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

    /// Signature, version and command, family and transport, length, addresses, TLVs (which are skipped).
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
        // Unspecified, and unix sockets: no address of the kind that we show.
        case 0, 3: return .complete(consumed: length, source: nil)
        default: return .invalid
        }
        // Both addresses and both ports have to be there.
        guard octets[13] & 0x0F <= 2, payload.count >= 2 * size + 4 else { return .invalid }
        return .complete(
            consumed: length, source: IPAddress(octets: UnsafeRawBufferPointer(rebasing: payload[..<size])))
    }
}
