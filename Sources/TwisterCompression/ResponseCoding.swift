/// A content coding that the server may apply to a response (RFC 9110 8.4.1).
public enum ResponseCoding: Sendable, Hashable, CaseIterable {
    /// gzip (RFC 1952).
    case gzip
    /// Brotli (RFC 7932).
    case brotli
    /// Zstandard (RFC 8878), with the window that RFC 9659 allows for HTTP.
    case zstandard

    /// Its name in `Content-Encoding` and `Accept-Encoding`.
    package var name: StaticString {
        switch self {
        case .gzip: "gzip"
        case .brotli: "br"
        case .zstandard: "zstd"
        }
    }
}
