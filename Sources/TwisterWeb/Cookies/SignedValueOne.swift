/// Version 1 of signed values: the value in base64, the time and the signature, with "|" between them.
///
/// The signature does not say where the value ends and the time begins. Two checks make up for it, as in Tornado: digits
/// that were moved from the value to the time give a time far in the future, or one that begins with zero.
enum SignedValueOne {
    static func create(
        secret: CookieSecret, name: String, value: [UInt8], time: Int, keyVersion: Int?
    ) throws(SignedValueError) -> [UInt8] {
        guard keyVersion == nil, let key = secret.onlyKey else { throw .versionOneNeedsOneKey }
        let base64 = Base64.standard.encode(value)
        let time = Array("\(time)".utf8)
        let signature = key.signatureSHA1(of: Array(name.utf8) + base64 + time)
        return base64 + bar + time + bar + Hexadecimal.encode(signature)
    }

    static func decode(
        _ text: [UInt8], secret: CookieSecret, name: String, maxAgeDays: Double, now: Double
    ) -> [UInt8]? {
        let parts = text.split(separator: bar[0], maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].count == 40, let key = secret.onlyKey,
            let signature = Hexadecimal.decode(parts[2], isStrict: true),
            key.isSignatureSHA1(signature, of: Array(name.utf8) + parts[0] + parts[1]),
            parts[1].first != UInt8(ascii: "0"), let time = CanonicalNumber.parse(parts[1]),
            !ValueTime.isExpired(time, maxAgeDays: maxAgeDays, now: now),
            Double(time) <= now + 31 * ValueTime.secondsPerDay
        else { return nil }
        return Base64.standard.decode(parts[0])
    }

    private static let bar = [UInt8(ascii: "|")]
}
