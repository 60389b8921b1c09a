import FoundationEssentials
import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Reading the request's body as a value.
extension RequestHandler {
    /// The body as a value: JSON (`application/json`, `application/*+json`) or a form, by its `Content-Type`. A form's arguments become
    /// the fields of the value; several of one name become a list.
    ///
    /// A value that is `Validatable` is validated; those within it only where its `validate` does so, by `require(_:_:)`.
    ///
    /// - Throws: `HTTPError` 415 for another type, 400 for a body that is not well-formed, 422 where the value is not as `type`
    ///   wants it: the problem details name the field's path. `HTTPOutputError` where the handler has its body streamed.
    public func decodeBody<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        connection.checkThread("RequestHandler.decodeBody")
        let value: Value
        do {
            value = try decodedBody(type)
        } catch let error as DecodingError {
            throw Self.refusal(error)
        }
        if let validatable = value as? any Validatable { try validated(validatable) }
        return value
    }

    /// The query's arguments as a value, as those of a form in `decodeBody`.
    ///
    /// - Throws: `HTTPError` 422 where the value is not as `type` wants it.
    public func decodeQuery<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        do {
            let value = try FormDecoder.decode(
                type, try queryArguments(), json: application.settings.jsonDecoder)
            if let validatable = value as? any Validatable { try validated(validatable) }
            return value
        } catch let error as DecodingError {
            throw Self.refusal(error)
        }
    }

    private func decodedBody<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try requireCollectedBody("decodeBody()")
        switch contentType?.type {
        case "application/x-www-form-urlencoded", "multipart/form-data":
            return try FormDecoder.decode(type, try bodyArguments(), json: application.settings.jsonDecoder)
        case .some(let media)
        where media == "application/json" || media.hasPrefix("application/") && media.hasSuffix("+json"):
            let body = request.body
            guard let rounded = JSONSyntax.roundedNumbers(body) else {
                throw HTTPError(.badRequest, "the body is no JSON", detail: "The body is not well-formed.")
            }
            let decoder = application.settings.jsonDecoder
            if !rounded.isEmpty {
                // The decoder would round them where the value has integers. It throws for a fraction there.
                _ = try decoder.decode(type, from: Data(JSONNumber.replacing(rounded, in: body)))
            }
            return try decoder.decode(type, from: Data(body))
        case let other:
            throw HTTPError(
                .unsupportedMediaType, "a body of type \(other ?? "none")",
                detail: "The body has to be JSON or a form.", headers: [.accept: "application/json"])
        }
    }

    private func validated(_ value: any Validatable) throws {
        do {
            try value.validate()
        } catch {
            throw Self.refusal(of: error) ?? error
        }
    }

    /// 422 with the mistakes that `Validatable.validate` has thrown; nil for other errors.
    static func refusal(of error: any Error) -> HTTPError? {
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

    /// 422 with the field's path. The body is JSON, or a form.
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
