import HTTPTypes
import TwisterCodec

extension RequestHandler {
    /// Has browsers save the response as a file, and not show it: `Content-Disposition: attachment` (RFC 6266), with the name in
    /// ASCII, and in UTF-8 where the two differ (RFC 8187).
    ///
    /// Files that users have uploaded are sent in this way, unless their types are known to be harmless: a page or an SVG picture
    /// that a browser shows runs its scripts with the rights of the application's own pages.
    ///
    ///     final class Uploads: StaticFileHandler {
    ///         override func setExtraHeaders(_ path: String) throws { try setAttachment(path) }
    ///     }
    ///
    /// - Parameter name: the name that the browser proposes, in the form of `FileName(sanitizing:)`.
    /// - Throws: nothing for any name; see `setHeader`.
    public func setAttachment(_ name: String) throws {
        try setHeader(.contentDisposition, Self.attachment(FileName(sanitizing: name).rawValue))
    }

    /// The value of `Content-Disposition` for a name without control characters.
    private static func attachment(_ name: String) -> String {
        // Old readers take the quoted name, and some of them decode percent signs there, or cannot read escaped quotes.
        let plain = String(
            String.UnicodeScalarView(
                name.unicodeScalars.map { scalar in
                    (" "..."~").contains(scalar) && !"\"\\%".unicodeScalars.contains(scalar) ? scalar : "_"
                }))
        let field = "attachment; filename=\"\(plain)\""
        return plain == name ? field : "\(field); filename*=UTF-8''\(extended(name))"
    }

    /// Percent-encodes everything but the characters that `ext-value` has as they are (RFC 8187, 3.2.1).
    private static func extended(_ name: String) -> String {
        var text = ""
        for octet in name.utf8 {
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                text.unicodeScalars.append(Unicode.Scalar(octet))
            case _ where "!#$&+-.^_`|~".utf8.contains(octet): text.unicodeScalars.append(Unicode.Scalar(octet))
            default:
                let digits = String(octet, radix: 16, uppercase: true)
                text += octet < 16 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return text
    }
}
