/// A content coding of compressed copies that lie beside their files, as `style.css.gz` beside `style.css`.
public enum PrecompressedCoding: Sendable, Hashable, CaseIterable {
    /// Brotli (RFC 7932): `.br`.
    case brotli
    /// Zstandard (RFC 8878): `.zst`.
    case zstandard
    /// gzip (RFC 1952): `.gz`.
    case gzip

    /// Its name in `Content-Encoding` and `Accept-Encoding`.
    var name: StaticString {
        switch self {
        case .brotli: "br"
        case .zstandard: "zstd"
        case .gzip: "gzip"
        }
    }

    /// The extension of the compressed copy.
    var suffix: String {
        switch self {
        case .brotli: ".br"
        case .zstandard: ".zst"
        case .gzip: ".gz"
        }
    }
}
