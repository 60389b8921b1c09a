/// A file that a form brought (RFC 7578). Tornado: `httputil.HTTPFile`.
public struct HTTPFile: Sendable, Hashable {
    /// The name that the client gave it: no path to be trusted. Tornado: `filename`.
    public let fileName: String
    /// The type that the client gave it; `application/octet-stream` where it gave none. Tornado: `content_type`, there
    /// `application/unknown`.
    public let contentType: String
    /// The file's bytes.
    public let body: [UInt8]

    /// The client's name in a form that can be a file's name on a disk. See `MultipartPart.safeFileName`.
    public var safeFileName: String { TwisterWeb.safeFileName(fileName) }
}
