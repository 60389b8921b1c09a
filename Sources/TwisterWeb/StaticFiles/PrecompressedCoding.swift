/// A content coding in which a file may lie compressed beside itself, as `style.css.gz` beside `style.css`.
public enum PrecompressedCoding: Sendable, Hashable, CaseIterable {
    /// Brotli (RFC 7932): `.br`.
    case brotli
    /// Zstandard (RFC 8878): `.zst`.
    case zstandard
    /// gzip (RFC 1952): `.gz`.
    case gzip

    /// What `Content-Encoding` and `Accept-Encoding` call it.
    var name: StaticString {
        switch self {
        case .brotli: "br"
        case .zstandard: "zstd"
        case .gzip: "gzip"
        }
    }

    /// What the compressed file's name ends with.
    var suffix: String {
        switch self {
        case .brotli: ".br"
        case .zstandard: ".zst"
        case .gzip: ".gz"
        }
    }
}
