import FoundationEssentials
import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Reading the request.
extension RequestHandler {
    /// The last value of the query's or the form's argument `name`, stripped of white space around it.
    ///
    /// - Throws: `HTTPError` 400 if there is none.
    ///
    /// Tornado: `RequestHandler.get_argument`.
    public func getArgument(_ name: String) throws -> String {
        guard let value = getArguments(name).last else { throw HTTPError.missingArgument(name) }
        return value
    }

    /// The same with a default for an argument that is not there.
    public func getArgument(_ name: String, default value: String) -> String { getArguments(name).last ?? value }

    /// All values of an argument: the query's, then the form's. Tornado: `RequestHandler.get_arguments`.
    public func getArguments(_ name: String) -> [String] {
        getQueryArguments(name) + getBodyArguments(name)
    }

    /// Tornado: `RequestHandler.get_query_arguments`.
    public func getQueryArguments(_ name: String) -> [String] {
        request.head.withQueryBytes { values(name, in: $0) }
    }

    /// The last value of the query's argument `name`; nil if there is none. Tornado: `get_query_argument`.
    public func getQueryArgument(_ name: String) -> String? { getQueryArguments(name).last }

    /// A form's: `application/x-www-form-urlencoded`, or the fields of `multipart/form-data`.
    ///
    /// Tornado: `RequestHandler.get_body_arguments`.
    public func getBodyArguments(_ name: String) -> [String] {
        connection.checkThread("RequestHandler.getBodyArguments")
        if form != nil { return formFields(name).map(strip) }
        guard let type = request.headers[.contentType]?.lowercased(),
            type.hasPrefix("application/x-www-form-urlencoded")
        else { return [] }
        return request.body.withUnsafeBytes { values(name, in: $0) }
    }

    /// Tornado: `RequestHandler.get_body_argument`.
    public func getBodyArgument(_ name: String) -> String? { getBodyArguments(name).last }

    private func values(_ name: String, in form: UnsafeRawBufferPointer) -> [String] {
        var values: [String] = []
        var parser = QueryParser(form)
        while let argument = parser.next() {
            if argument.name == name { values.append(strip(argument.value)) }
        }
        return values
    }

    private func strip(_ text: String) -> String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || 0x09...0x0D ~= byte }
        guard let first = text.utf8.firstIndex(where: { !isSpace($0) }),
            let last = text.utf8.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(text[first...last])
    }

    /// The collected body, decoded from JSON.
    ///
    /// - Throws: `HTTPError` 400 where it is not what `type` asks for.
    public func decodeBody<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(request.body))
        } catch {
            throw HTTPError(.badRequest, "the body is not the JSON that was expected: \(error)")
        }
    }
}
