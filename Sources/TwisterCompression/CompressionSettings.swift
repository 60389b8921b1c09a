/// How responses are compressed. Tornado: `compress_response`, `GZipContentEncoding`, which has gzip alone.
public struct CompressionSettings: Sendable {
    /// The codings, in the server's order of preference: of those that the client likes best, the first is used. Default:
    /// Zstandard, Brotli, gzip. Tornado: gzip.
    ///
    /// Some builds of libbrotlienc, such as Debian 12's, end the process where an allocation fails. A program that must survive
    /// that leaves Brotli out.
    public var codings: [ResponseCoding] = [.zstandard, .brotli, .gzip]

    /// gzip's level, 1 to 9. Default: 6. Tornado: `GZipContentEncoding.GZIP_LEVEL`.
    public var gzipLevel = 6

    /// Brotli's quality, 0 to 11. Default: 5. Values above suit content that is compressed once and sent often.
    public var brotliQuality = 5

    /// Zstandard's level, 1 to 19. Default: 3.
    public var zstandardLevel = 3

    /// Content that is known to be shorter is sent as it is. In bytes, default: 1,024. Tornado:
    /// `GZipContentEncoding.MIN_LENGTH`.
    public var minimumSize = 1_024

    /// The media types of content that is compressed. Tornado: `GZipContentEncoding.CONTENT_TYPES` and `text/*`.
    public var mediaTypes = CompressibleTypes()

    public init() {}

    /// The level for a coding.
    package func level(of coding: ResponseCoding) -> Int {
        switch coding {
        case .gzip: gzipLevel
        case .brotli: brotliQuality
        case .zstandard: zstandardLevel
        }
    }
}
