/// The limits of a form that is read as it arrives. Over a limit, reading throws a `FormError` with status 413.
public struct MultipartLimits: Sendable, Hashable {
    /// The most files. Default 20.
    public var files: Int
    /// The most parts that are no files. Default 100.
    public var fields: Int
    /// The size of one file. Default 100 MiB.
    public var fileSize: ByteCount
    /// The size of one part that is no file. Default 1 MiB.
    public var fieldSize: ByteCount
    /// The size of the whole body. Default: as much as all files and fields may have together.
    public var total: ByteCount
    /// The size of the header of one part. Default 10 KiB.
    public var headerSize: ByteCount

    public init(
        files: Int = 20, fields: Int = 100, fileSize: ByteCount = .mebibytes(100), fieldSize: ByteCount = .mebibytes(1),
        total: ByteCount? = nil, headerSize: ByteCount = .kibibytes(10)
    ) {
        self.files = files
        self.fields = fields
        self.fileSize = fileSize
        self.fieldSize = fieldSize
        self.total = total ?? Self.sum(files, fileSize, fields, fieldSize)
        self.headerSize = headerSize
    }

    /// The size of a body with so many parts and their headers, or a very large number where that would overflow.
    private static func sum(_ files: Int, _ fileSize: ByteCount, _ fields: Int, _ fieldSize: ByteCount) -> ByteCount {
        let parts = [(files, fileSize), (fields, fieldSize)].map { count, size in
            let (product, overflows) = max(count, 0).multipliedReportingOverflow(by: size.bytes)
            return overflows ? Int.max / 4 : min(product, Int.max / 4)
        }
        return ByteCount(bytes: parts[0] + parts[1] + ByteCount.mebibytes(1).bytes)
    }
}
