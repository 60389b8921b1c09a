import TwisterCrypto

/// The secret that a browser gets in a cookie and gives back in each form, by which a form of another site is told apart.
///
/// It is written anew, under another mask, each time: a token that stays the same could be guessed letter by letter from the
/// size of compressed pages (BREACH).
///
/// Tornado: `RequestHandler._get_raw_xsrf_token`, `_decode_xsrf_token`.
struct XSRFToken: Sendable {
    /// The formats of the text. Tornado: the setting `xsrf_cookie_version`.
    enum Version: Int, Sendable, CaseIterable {
        /// The token in hexadecimal digits.
        case one = 1
        /// `2|<mask>|<token under the mask>|<unix seconds>`.
        case two = 2
    }

    /// The most octets of a text that is read.
    static let maxSize = 512
    private static let size = 16
    private static let maskSize = 4

    /// The secret itself, never empty.
    let octets: [UInt8]
    /// The format that the token was read from; nil for a new one, whose cookie has to be set.
    let version: Version?
    /// When the token was made, in seconds since 1970. Version 1 does not say; it is the time of reading.
    let time: Int

    /// A new token of 16 random octets.
    ///
    /// - Parameter now: Seconds since 1970; nil: the system's time.
    init(now: Double? = nil) {
        octets = RandomOctets.make(Self.size)
        version = nil
        time = Self.seconds(now)
    }

    /// Reads a cookie's or a field's text. It is nil for one that is empty, malformed, of an unknown version, or has more
    /// than 512 octets. As in Tornado, a text that is neither of version 2 nor hexadecimal is a token itself.
    init?(_ text: String, now: Double? = nil) {
        guard !text.isEmpty, text.utf8.count <= Self.maxSize else { return nil }
        let text = Array(text.utf8)
        let parts = text.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        guard parts.count > 1, Self.isVersion(parts[0]) else {
            octets = Hexadecimal.decode(text[...], isStrict: false) ?? text
            version = .one
            time = Self.seconds(now)
            return
        }
        guard parts.count == 4, parts[0].elementsEqual("2".utf8),
            let mask = Hexadecimal.decode(parts[1], isStrict: false), mask.count == Self.maskSize,
            let masked = Hexadecimal.decode(parts[2], isStrict: false), !masked.isEmpty,
            let time = CanonicalNumber.parse(parts[3])
        else { return nil }
        octets = Self.apply(mask, to: masked)
        version = .two
        self.time = time
    }

    /// The token as text, for version 2 with a new mask each time.
    func text(version: Version = .two) -> String {
        switch version {
        case .one: String(decoding: Hexadecimal.encode(octets), as: UTF8.self)
        case .two: text(mask: RandomOctets.make(Self.maskSize))
        }
    }

    func text(mask: [UInt8]) -> String {
        let parts = [mask, Self.apply(mask, to: octets)].map { String(decoding: Hexadecimal.encode($0), as: UTF8.self) }
        return "2|\(parts[0])|\(parts[1])|\(time)"
    }

    /// Whether both are the same token, found in a time that does not depend on where they differ.
    func matches(_ other: XSRFToken) -> Bool { areEqualInConstantTime(octets, other.octets) }

    /// Whether a text in front of the first "|" is the version of a format, of whatever number.
    private static func isVersion(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first, first != UInt8(ascii: "0") else { return false }
        return text.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func apply(_ mask: [UInt8], to octets: [UInt8]) -> [UInt8] {
        octets.enumerated().map { $1 ^ mask[$0 % mask.count] }
    }

    private static func seconds(_ now: Double?) -> Int { (try? ValueTime.stamp(now)) ?? 0 }
}
