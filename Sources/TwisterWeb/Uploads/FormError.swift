import TwisterCodec
import TwisterIO

/// Why a form was refused. Tornado: `httputil.HTTPInputError`.
public enum FormError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The body is not what its type says, for the reason given.
    case malformed(String)
    /// The type of the body is not `multipart/form-data`.
    case unsupportedType
    /// The name or the value of the argument `name` is not UTF-8.
    case notText(name: String)
    /// There are more arguments than the limit.
    case tooManyArguments(limit: Int)
    /// There are more fields or files than the limit.
    case tooManyParts(limit: Int)
    case tooManyFiles(limit: Int)
    case tooManyFields(limit: Int)
    /// The header of one part is longer than the limit.
    case headerTooLarge(limit: ByteCount)
    /// The field or file `name` is longer than the limit.
    case partTooLarge(name: String, limit: ByteCount)
    /// The whole body is longer than the limit.
    case bodyTooLarge(limit: ByteCount)
    /// The file `name` is of none of the types that the handler accepts.
    case unacceptableFile(name: String, types: [String])
    /// The handler saves a file under the name `name`, which another file has, and does not replace that.
    case fileExists(name: String)
    /// The handler reads the part `name` although it has asked for the next one already.
    case partIsOver(name: String)

    /// The status code of the response: 400, 409 for a file that exists, 413 over a limit (400 for the number of arguments, as in
    /// Tornado), 415, or 500 for a handler's mistake.
    public var status: Int {
        switch self {
        case .malformed, .notText, .tooManyArguments: 400
        case .tooManyParts, .tooManyFiles, .tooManyFields, .headerTooLarge, .partTooLarge, .bodyTooLarge: 413
        case .unsupportedType, .unacceptableFile: 415
        case .fileExists: 409
        case .partIsOver: 500
        }
    }

    public var description: String {
        switch self {
        case .malformed(let reason): "malformed form: \(reason)"
        case .unsupportedType: "not a form of type multipart/form-data"
        case .notText(let name): "the argument \(Self.printable(name)) is not UTF-8"
        case .tooManyArguments(let limit): "more than \(limit) arguments"
        case .tooManyParts(let limit): "more than \(limit) parts"
        case .tooManyFiles(let limit): "more than \(limit) files"
        case .tooManyFields(let limit): "more than \(limit) fields"
        case .headerTooLarge(let limit): "the header of a part is longer than \(limit)"
        case .partTooLarge(let name, let limit): "the part \(Self.printable(name)) is longer than \(limit)"
        case .bodyTooLarge(let limit): "the form is longer than \(limit)"
        case .unacceptableFile(let name, let types):
            "the file \(Self.printable(name)) is none of \(types.joined(separator: ", "))"
        case .fileExists(let name): "there is a file \(Self.printable(name)) already"
        case .partIsOver(let name):
            """
            the part \(Self.printable(name)) can no longer be read, since the next part was asked for: read a part before \
            the loop goes on to the next one
            """
        }
    }

    /// Clients choose the names, so a log must not take them for several lines.
    private static func printable(_ name: String) -> String {
        "\"\(PercentCoding.encodeUnprintable(String(name.unicodeScalars.prefix(80))))\""
    }

    /// Calls `save`, and tells by an error of its own that there is a file with that path.
    static func saving<Result>(to path: String, _ save: () async throws -> Result) async throws -> Result {
        do {
            return try await save()
        } catch let error as IOError where error.saysFileExists {
            let name = path.utf8.split(separator: UInt8(ascii: "/")).last.flatMap(String.init)
            throw FormError.fileExists(name: name ?? path)
        }
    }

    init(_ error: MultipartError, maxParts: Int, maxHeaderSize: ByteCount) {
        self =
            switch error {
            case .malformedBoundary: .malformed("its type has no valid boundary")
            case .malformedDelimiter: .malformed("a boundary is followed by other characters")
            case .malformedPartHeader: .malformed("the header of a part has a syntax error")
            case .missingName: .malformed("a part has no name")
            case .unterminated: .malformed("the last delimiter is missing")
            case .partHeaderTooLarge: .headerTooLarge(limit: maxHeaderSize)
            case .tooManyParts: .tooManyParts(limit: maxParts)
            }
    }

    init(_ error: MultipartError, _ limits: MultipartLimits) {
        self.init(error, maxParts: .max, maxHeaderSize: limits.headerSize)
    }
}
