/// Version 2 of signed values: `2|1:0|10:1300000000|4:name|8:dmFsdWU=|` and the signature of all that. The fields are the
/// key's version, the time, the name, and the value in base64, each behind the number of its octets.
struct SignedValueTwo {
    let keyVersion: Int
    private let time: Int
    private let name: ArraySlice<UInt8>
    private let value: ArraySlice<UInt8>
    private let signed: ArraySlice<UInt8>
    private let signature: [UInt8]

    /// The parts of a text. It is nil for anything that `create` would not have written but with a signature of another key.
    init?(_ text: [UInt8]) {
        guard text.starts(with: Self.prefix) else { return nil }
        var rest = text.dropFirst(Self.prefix.count)
        guard let keyVersion = Self.takeField(&rest).flatMap(CanonicalNumber.parse),
            let time = Self.takeField(&rest).flatMap(CanonicalNumber.parse),
            let name = Self.takeField(&rest),
            let value = Self.takeField(&rest),
            rest.count == 64, let signature = Hexadecimal.decode(rest, isStrict: true)
        else { return nil }
        self.keyVersion = keyVersion
        self.time = time
        self.name = name
        self.value = value
        self.signed = text[..<rest.startIndex]
        self.signature = signature
    }

    static func create(
        secret: CookieSecret, name: String, value: [UInt8], time: Int, keyVersion: Int?
    ) throws(SignedValueError) -> [UInt8] {
        let (keyVersion, key) = try secret.newValueKey(keyVersion)
        var text = prefix
        append(Array("\(keyVersion)".utf8), to: &text)
        append(Array("\(time)".utf8), to: &text)
        append(Array(name.utf8), to: &text)
        append(Base64.standard.encode(value), to: &text)
        return text + Hexadecimal.encode(key.signature(of: text))
    }

    static func decode(
        _ text: [UInt8], secret: CookieSecret, name: String, maxAgeDays: Double, now: Double
    ) -> [UInt8]? {
        guard let parts = SignedValueTwo(text), let key = secret.key(parts.keyVersion),
            key.isSignature(parts.signature, of: Array(parts.signed)),
            parts.name.elementsEqual(name.utf8),
            !ValueTime.isExpired(parts.time, maxAgeDays: maxAgeDays, now: now)
        else { return nil }
        return Base64.standard.decode(parts.value)
    }

    private static let prefix = Array("2|".utf8)

    private static func append(_ field: [UInt8], to text: inout [UInt8]) {
        text += "\(field.count):".utf8
        text += field
        text.append(UInt8(ascii: "|"))
    }

    /// Takes a field and the "|" behind it.
    private static func takeField(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let colon = rest.prefix(6).firstIndex(of: UInt8(ascii: ":")),
            let count = CanonicalNumber.parse(rest[..<colon])
        else { return nil }
        let field = rest[(colon + 1)...]
        guard count < field.count, field[field.startIndex + count] == UInt8(ascii: "|") else { return nil }
        rest = field.dropFirst(count + 1)
        return field.prefix(count)
    }
}
