public import FoundationEssentials
@_spi(TwisterServer) public import TwisterWeb

/// A message of a WebSocket.
public enum WebSocketMessage: Sendable, Hashable {
    case text(String)
    case binary([UInt8])

    /// The text of a text message; nil for a binary one.
    public var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    /// The bytes of the message; those of a text in UTF-8.
    public var bytes: [UInt8] {
        switch self {
        case .text(let text): Array(text.utf8)
        case .binary(let bytes): bytes
        }
    }

    /// The size of the message in bytes.
    public var count: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }

    /// Calls `body` with the bytes of the message where they lie, if they do so in one piece.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch self {
        case .text(var text): text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
        case .binary(let bytes): bytes.withUnsafeBytes(body)
        }
    }

    /// The message's JSON as a value, which is validated where it is `Validatable`.
    ///
    /// - Parameter decoder: default: the one of applications that have none of their own, for which dates are ISO 8601 texts.
    /// - Throws: `HTTPError` 400 where the message is no JSON, 422 with the field's path where the value is not as `type` wants
    ///   it. A `WebSocketHandler` that does not catch it tells its client 1007 (invalid payload), and the log has no error.
    public func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, with decoder: JSONDecoder = ApplicationSettings.standardJSONDecoder
    ) throws -> Value {
        try ClientValue.decode(type, json: bytes, with: decoder)
    }

    var opcode: Opcode {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}
