public import FoundationEssentials
import HTTPTypes
import TwisterCodec

/// Values that clients send: in the body or the query of a request, or in the messages of a WebSocket.
@_spi(TwisterServer) public enum ClientValue {
    /// A value from a message in JSON.
    ///
    /// - Throws: `HTTPError` 400 for bytes that are no JSON and for two members of one name in an object, 422 where the value is
    ///   not as `type` wants it.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, json bytes: [UInt8], with decoder: JSONDecoder
    ) throws -> Value {
        try checked { try decodeJSON(type, bytes, with: decoder, of: "message") }
    }

    /// Calls `decode`, and validates the value that it returns, if the value is `Validatable`.
    ///
    /// - Throws: `HTTPError` 422 where the value is not as its type wants it.
    static func checked<Value>(_ decode: () throws -> Value) throws -> Value {
        do {
            let value = try decode()
            if let validatable = value as? any Validatable { try validatable.validate() }
            return value
        } catch let error as DecodingError {
            throw refusal(error)
        } catch {
            throw refusal(of: error) ?? error
        }
    }

    /// - Throws: `DecodingError`; `HTTPError` 400 for bytes that are no JSON, and for two members of one name in an object.
    static func decodeJSON<Value: Decodable>(
        _ type: Value.Type, _ bytes: [UInt8], with decoder: JSONDecoder, of source: String = "body"
    ) throws -> Value {
        let rounded = try checkSyntax(bytes, of: source)
        if !rounded.isEmpty {
            // The decoder would round them where the value has integers. It throws for a fraction there.
            _ = try decoder.decode(type, from: Data(JSONNumber.replacing(rounded, in: bytes)))
        }
        return try decoder.decode(type, from: Data(bytes))
    }

    /// - Returns: where the numbers are that a `Double` holds as another whole number.
    private static func checkSyntax(_ bytes: [UInt8], of source: String) throws -> [Range<Int>] {
        do {
            return try JSONSyntax.roundedNumbers(bytes)
        } catch .malformed {
            throw HTTPError(.badRequest, "the \(source) is no JSON", detail: "The \(source) is not well-formed.")
        } catch .duplicateName {
            let text = "An object of the \(source) has two members of one name."
            throw HTTPError(.badRequest, text, detail: text)
        }
    }

    /// 422 with the mistakes that `Validatable.validate` has thrown; nil for other errors.
    public static func refusal(of error: any Error) -> HTTPError? {
        switch error {
        case let failure as ValidationFailure: refusal([failure])
        case let failures as ValidationFailures: refusal(failures.failures)
        default: nil
        }
    }

    private static func refusal(_ failures: [ValidationFailure]) -> HTTPError {
        let text = failures.map(\.description).joined(separator: "; ")
        var error = HTTPError(.unprocessableContent, text, detail: text)
        error.failures = failures
        return error
    }

    /// 422 with the field's path.
    private static func refusal(_ error: DecodingError) -> HTTPError {
        func path(_ codingPath: [any CodingKey], _ last: (any CodingKey)? = nil) -> String {
            (codingPath + (last.map { [$0] } ?? [])).reduce("") { path, key in
                if let index = key.intValue { return "\(path)[\(index)]" }
                return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
            }
        }
        switch error {
        case .keyNotFound(let key, let context):
            return refusal([ValidationFailure(path(context.codingPath, key), "is missing")])
        case .valueNotFound(_, let context):
            return refusal([ValidationFailure(path(context.codingPath), "must not be null")])
        case .typeMismatch(let type, let context):
            return refusal([
                ValidationFailure(path(context.codingPath), "must be \(TypeName(type)?.text ?? "of another type")")
            ])
        // Foundation does not say where a number stands that its type cannot hold.
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            return refusal([ValidationFailure("", "holds a value that does not fit")])
        case .dataCorrupted(let context):
            return refusal([ValidationFailure(path(context.codingPath), "is not valid")])
        @unknown default: return HTTPError(.badRequest, "\(error)")
        }
    }
}
