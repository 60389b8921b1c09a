/// A type of files that is known from their first bytes, whatever their names and the client say.
public struct FileType: Sendable, Hashable {
    /// The media type, such as `image/png`.
    public let mediaType: String
    /// What the names of such files end with, without the dot; empty: nothing.
    public let fileExtension: String
    /// The beginnings by which the type is recognized, one of which has to match; nil stands for any byte.
    private let signatures: [[UInt8?]]

    /// - Parameters:
    ///   - mediaType: such as `image/png`.
    ///   - fileExtension: what the names of such files end with, without the dot. Default: nothing.
    ///   - signatures: the bytes at the beginning of a file, one of these; nil stands for any byte.
    public init(_ mediaType: String, fileExtension: String = "", beginningWith signatures: [UInt8?]...) {
        self.mediaType = mediaType
        self.fileExtension = fileExtension
        self.signatures = signatures
    }

    /// The same for signatures that are text.
    private init(_ mediaType: String, _ fileExtension: String, text signatures: StaticString...) {
        self.mediaType = mediaType
        self.fileExtension = fileExtension
        self.signatures = signatures.map { Array("\($0)".utf8) }
    }

    /// PNG pictures.
    public static let png = FileType(
        "image/png", fileExtension: "png", beginningWith: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    /// JPEG pictures.
    public static let jpeg = FileType("image/jpeg", fileExtension: "jpg", beginningWith: [0xFF, 0xD8, 0xFF])
    /// GIF pictures.
    public static let gif = FileType("image/gif", "gif", text: "GIF87a", "GIF89a")
    /// WebP pictures.
    public static let webp = FileType(
        "image/webp", fileExtension: "webp",
        beginningWith: Array("RIFF".utf8) + [nil, nil, nil, nil] + Array("WEBP".utf8))
    /// PDF documents.
    public static let pdf = FileType("application/pdf", "pdf", text: "%PDF-")
    /// ZIP archives, among them documents of office programs.
    public static let zip = FileType(
        "application/zip", fileExtension: "zip",
        beginningWith: [0x50, 0x4B, 0x03, 0x04], [0x50, 0x4B, 0x05, 0x06])
    /// Files compressed by gzip.
    public static let gzip = FileType("application/gzip", fileExtension: "gz", beginningWith: [0x1F, 0x8B, 0x08])
    /// Videos in MP4, and other files of that container.
    public static let mp4 = FileType(
        "video/mp4", fileExtension: "mp4", beginningWith: [nil, nil, nil, nil] + Array("ftyp".utf8))

    /// The pictures that every browser shows.
    public static let webImages: Set<FileType> = [.png, .jpeg, .gif, .webp]

    /// Whether a file that begins with these bytes is of this type.
    public func matches(_ bytes: some Collection<UInt8>) -> Bool {
        signatures.contains { signature in
            bytes.count >= signature.count && Swift.zip(signature, bytes).allSatisfy { $0 == nil || $0 == $1 }
        }
    }

    /// The most bytes that `matches` looks at.
    var length: Int { signatures.map(\.count).max() ?? 0 }
}
