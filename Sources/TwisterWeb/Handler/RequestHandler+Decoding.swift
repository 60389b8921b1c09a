import FoundationEssentials
import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Reading the request's body as a value.
extension RequestHandler {
    /// The body as a value: JSON (`application/json`, `application/*+json`) or a form, by its `Content-Type`. A form's
    /// arguments become the fields of the value; several of one name become a list.
    ///
    /// A value that is `Validatable` is validated; those within it only where its `validate` does so, by `require(_:_:)`.
    ///
    /// - Throws: `HTTPError` 415 for another type, 400 for a body that is not well-formed, 422 where the value is not as `type`
    ///   wants it: the problem details name the field's path. `HTTPOutputError` where the handler has its body streamed.
    public func decodeBody<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        connection.checkThread("RequestHandler.decodeBody")
        return try ClientValue.checked { try decodedBody(type) }
    }

    /// The query's arguments as a value, as those of a form in `decodeBody`.
    ///
    /// - Throws: `HTTPError` 422 where the value is not as `type` wants it.
    public func decodeQuery<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try ClientValue.checked {
            try FormDecoder.decode(type, try queryArguments(), json: application.settings.jsonDecoder)
        }
    }

    private func decodedBody<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try requireCollectedBody("decodeBody()")
        switch contentType?.type {
        case "application/x-www-form-urlencoded", "multipart/form-data":
            return try FormDecoder.decode(type, try bodyArguments(), json: application.settings.jsonDecoder)
        case .some(let media)
        where media == "application/json" || media.hasPrefix("application/") && media.hasSuffix("+json"):
            return try ClientValue.decodeJSON(type, request.body, with: application.settings.jsonDecoder)
        case let other:
            throw HTTPError(
                .unsupportedMediaType, "a body of type \(other ?? "none")",
                detail: "The body has to be JSON or a form.", headers: [.accept: "application/json"])
        }
    }
}
