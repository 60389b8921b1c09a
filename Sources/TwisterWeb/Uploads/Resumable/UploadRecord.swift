import TwisterCodec

/// The description of a resumable upload, which stands on the disk beside the upload's bytes.
struct UploadRecord: Codable, Sendable {
    /// The size that the file will have.
    let length: Int
    /// The field `Upload-Metadata` as the client has sent it.
    let metadata: String
    /// When an upload that is not finished is given up, in seconds since 1970.
    let expires: Int64
    /// Whether the application has the file.
    var isFinished = false
}

/// The field `Upload-Metadata`: pairs of a key and a value in Base64, separated by commas.
enum UploadMetadata {
    /// The values as text by their keys; nil for a malformed field, and for values that are not UTF-8.
    static func parse(_ field: String) -> [String: String]? {
        var values: [String: String] = [:]
        for pair in field.utf8.split(separator: UInt8(ascii: ",")) {
            let parts = pair.split(separator: UInt8(ascii: " "))
            guard let key = parts.first, parts.count <= 2 else { return nil }
            let octets = parts.count == 2 ? Base64.standard.decode(ArraySlice(parts[1])) : []
            guard let text = octets.flatMap({ ClientText.validated($0) }) else { return nil }
            guard values.updateValue(text, forKey: String(Substring(key))) == nil else { return nil }
        }
        return values
    }
}
