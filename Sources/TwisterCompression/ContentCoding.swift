/// A coding that content may be in (RFC 9110, 8.4.1) and that can be undone here.
package enum ContentCoding: Sendable {
    case gzip
    /// Deflate in the format of zlib (RFC 1950), which is what the name means in HTTP.
    case deflate

    /// By its name in a `Content-Encoding` field; nil for any other.
    package init?(_ name: String) {
        switch name.lowercased() {
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        default: return nil
        }
    }
}
