import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// The `Authorization` field of a request (RFC 9110, 11.6.2), as far as one scheme is concerned.
enum AuthorizationField: Equatable {
    /// There is no field, or one of another scheme.
    case absent
    /// The credentials behind the scheme.
    case credentials(String)
    /// The field is there several times, too long, or has no credentials of the form `token68`.
    case malformed

    /// The most octets of a field that is read.
    static let maxSize = 8_192

    /// - Parameter scheme: in lower case.
    init(_ values: [String], scheme: String) {
        guard let value = values.first else {
            self = .absent
            return
        }
        guard values.count == 1, value.utf8.count <= Self.maxSize else {
            self = .malformed
            return
        }
        let sent = value.utf8.prefix { $0 != UInt8(ascii: " ") }
        guard Substring(sent).lowercased() == scheme else {
            self = .absent
            return
        }
        let credentials = Substring(value.utf8[sent.endIndex...].drop { $0 == UInt8(ascii: " ") })
        self = Self.isToken68(credentials) ? .credentials(String(credentials)) : .malformed
    }

    /// Letters, digits and `-._~+/`, and equals signs at the end (RFC 9110, 11.2).
    private static func isToken68(_ text: Substring) -> Bool {
        var octets = text.utf8[...]
        while octets.last == UInt8(ascii: "=") { octets.removeLast() }
        guard !octets.isEmpty else { return false }
        return octets.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
    }
}

/// The realm of a challenge: the part of the application whose users are asked for, as a quoted string.
struct Realm: Sendable {
    let quoted: String

    init(_ text: String) {
        precondition(
            text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7F },
            "A realm has a character that is no printable ASCII character.")
        quoted = "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
