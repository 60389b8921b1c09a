import CTwisterNghttp2

/// The priority of a response, as the client wants it (RFC 9218, 4).
struct Priority: Equatable {
    /// From 0, the most urgent one, to 7.
    var urgency = UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY)
    /// Whether the response takes turns with others of its urgency.
    var isIncremental = false

    init() {}

    /// - Parameter field: the value of the field `priority`, or of a PRIORITY_UPDATE frame. The last member of a name counts, and
    ///   what cannot be read is passed over.
    init(field: some StringProtocol) {
        for member in field.utf8.split(separator: UInt8(ascii: ",")) {
            // Parameters may follow.
            let octets = member.prefix { $0 != UInt8(ascii: ";") }.filter { $0 != 0x20 && $0 != 0x09 }
            switch octets.count {
            case 1 where octets == Array("i".utf8): isIncremental = true
            case 3 where octets.starts(with: "u=".utf8) && (0x30...0x37).contains(octets[2]):
                urgency = UInt32(octets[2] - 0x30)
            case 4 where octets.starts(with: "i=?".utf8): isIncremental = octets[3] == UInt8(ascii: "1")
            default: break
            }
        }
    }
}
