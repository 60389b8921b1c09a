import TwisterCrypto

/// The secret in a session's cookie: 256 random bits.
struct SessionToken: Hashable, Sendable {
    private static let size = 32

    /// The cookie's value, in base64 for URLs.
    let text: String
    /// The session's identifier in the store: a hash, from which the token cannot be computed.
    let id: String

    /// A token that nobody has.
    init() { self.init(RandomOctets.make(Self.size)) }

    /// Reads a cookie's value; nil for a text that is none of ours.
    init?(_ text: String) {
        guard text.utf8.count <= 64, let octets = Base64.url.decode(Array(text.utf8)[...]), octets.count == Self.size
        else { return nil }
        self.init(octets)
    }

    private init(_ octets: [UInt8]) {
        text = String(decoding: Base64.url.encode(octets), as: UTF8.self)
        id = String(decoding: Hexadecimal.encode(Digest.sha256.hash(octets)), as: UTF8.self)
    }
}
