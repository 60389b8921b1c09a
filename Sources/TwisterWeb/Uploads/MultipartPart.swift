import TwisterCodec
import TwisterIO

/// A field or a file of a form that is read as it arrives. It can be read until the next part is asked for; after that, reading
/// throws `FormError.partIsOver`. Each byte can be read only once.
public final class MultipartPart {
    /// The name of the form's field.
    public let name: String
    /// The name that the client gave a file: no path to be trusted. Nil for a part that is no file.
    public let fileName: String?
    /// The type that the client gave the part, nil where it gave none.
    public let contentType: String?

    private let number: Int
    private let source: any PartSource

    init(_ header: MultipartHeader, _ number: Int, _ source: any PartSource) {
        name = header.name
        fileName = header.fileName
        contentType = header.contentType
        self.number = number
        self.source = source
    }

    /// Whether the part is a file, not a field: whether it has a name of a file.
    public var isFile: Bool { fileName != nil }

    /// The client's name of the file as one component of a path: what stands behind the last slash or backslash, without control
    /// characters, without dots and white space at both ends, at most 200 bytes. "file" where nothing is left. Two files may
    /// have the same one.
    public var safeFileName: String { TwisterWeb.safeFileName(fileName ?? "") }

    /// The part's bytes, in pieces as they arrive. Iterating it throws as `MultipartBody` does.
    public var content: Content { Content(part: self) }

    /// All of the part's bytes.
    ///
    /// - Parameter limit: the most bytes that are kept in memory. Default 1 MiB.
    /// - Throws: `FormError.partTooLarge` over the limit, and the errors of `content`.
    public func collect(upTo limit: ByteCount = .mebibytes(1)) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await piece in content {
            guard piece.count <= limit.bytes - bytes.count else {
                throw FormError.partTooLarge(name: name, limit: limit)
            }
            if bytes.isEmpty { bytes = piece } else { bytes += piece }
        }
        return bytes
    }

    /// All of the part as text, which has to be UTF-8.
    ///
    /// - Throws: `FormError.notText` for other bytes, and the errors of `collect(upTo:)`.
    public func text(upTo limit: ByteCount = .mebibytes(1)) async throws -> String {
        guard let text = ClientText.validated(try await collect(upTo: limit)) else {
            throw FormError.notText(name: name)
        }
        return text
    }

    var loop: IOLoop { source.loop }

    /// The bytes of a part in pieces, an async sequence.
    public struct Content: AsyncSequence, AsyncIteratorProtocol {
        fileprivate let part: MultipartPart

        public func makeAsyncIterator() -> Content { self }

        /// The next bytes, nil at the end of the part.
        public func next() async throws -> [UInt8]? {
            try await part.source.nextContent(of: part.number, name: part.name)
        }
    }
}
