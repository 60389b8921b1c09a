/// The body of a test's request. A string literal is one, too.
public enum TestBody: Sendable, ExpressibleByStringLiteral {
    /// Bytes as they are.
    case bytes([UInt8])
    /// Text, as UTF-8. Its `Content-Type` is what the request's fields say.
    case text(String)
    /// Pieces that are sent one after the other, with a head that does not give their length: chunked in HTTP/1.1. An empty
    /// piece is left out.
    case pieces([[UInt8]])

    public init(stringLiteral value: String) { self = .text(value) }
}

/// One part of a form of type `multipart/form-data` (RFC 7578).
public struct TestFormPart: Sendable {
    /// The name of the form's field.
    public var name: String
    /// The name of the file; nil: the part is no file.
    public var filename: String?
    /// The part's `Content-Type`; nil: none is sent.
    public var contentType: String?
    /// The part's content.
    public var bytes: [UInt8]

    /// A field with a text.
    public static func field(_ name: String, _ value: String) -> TestFormPart {
        TestFormPart(name: name, filename: nil, contentType: nil, bytes: Array(value.utf8))
    }

    /// A file.
    public static func file(
        _ name: String, filename: String, contentType: String = "application/octet-stream", _ bytes: [UInt8]
    ) -> TestFormPart {
        TestFormPart(name: name, filename: filename, contentType: contentType, bytes: bytes)
    }
}
