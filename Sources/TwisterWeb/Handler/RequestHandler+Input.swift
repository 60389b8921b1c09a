import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Reading the request's arguments.
///
/// The same rules hold for all functions: a value that is missing is an `HTTPError` 400 unless a default is given. Values are
/// decoded by `decodeArgument`, control characters other than white space become spaces, and white space around a value is
/// removed unless `strip` is false. A request with more than `ApplicationSettings.maxArguments` arguments is refused with 400.
extension RequestHandler {
    // MARK: One value

    /// The last value of the argument `name` of the form, else of the query.
    ///
    /// - Throws: `HTTPError` 400 if there is none, or if it is not UTF-8.
    ///
    /// Tornado: `RequestHandler.get_argument`.
    public func getArgument(_ name: String, strip: Bool = true) throws -> String {
        try required(name, getArguments(name, strip: strip))
    }

    /// The same with a default for an argument that is not there.
    public func getArgument(_ name: String, default value: String, strip: Bool = true) throws -> String {
        try getArguments(name, strip: strip).last ?? value
    }

    /// The same, nil where the argument is not there and `default` is nil.
    public func getArgument(_ name: String, default value: String?, strip: Bool = true) throws -> String? {
        try getArguments(name, strip: strip).last ?? value
    }

    /// The last value of the query's argument `name`. Tornado: `RequestHandler.get_query_argument`.
    ///
    /// - Throws: `HTTPError` 400 if there is none, or if it is not UTF-8.
    public func getQueryArgument(_ name: String, strip: Bool = true) throws -> String {
        try required(name, getQueryArguments(name, strip: strip))
    }

    /// The same with a default; nil for an optional value.
    public func getQueryArgument(_ name: String, default value: String?, strip: Bool = true) throws -> String? {
        try getQueryArguments(name, strip: strip).last ?? value
    }

    /// The same with a default.
    public func getQueryArgument(_ name: String, default value: String, strip: Bool = true) throws -> String {
        try getQueryArguments(name, strip: strip).last ?? value
    }

    /// The last value of the form's argument `name`. Tornado: `RequestHandler.get_body_argument`.
    ///
    /// - Throws: `HTTPError` 400 if there is none, or if it is not UTF-8.
    public func getBodyArgument(_ name: String, strip: Bool = true) throws -> String {
        try required(name, getBodyArguments(name, strip: strip))
    }

    /// The same with a default; nil for an optional value.
    public func getBodyArgument(_ name: String, default value: String?, strip: Bool = true) throws -> String? {
        try getBodyArguments(name, strip: strip).last ?? value
    }

    /// The same with a default.
    public func getBodyArgument(_ name: String, default value: String, strip: Bool = true) throws -> String {
        try getBodyArguments(name, strip: strip).last ?? value
    }

    // MARK: All values

    /// All values of an argument: the query's, then the form's. Tornado: `RequestHandler.get_arguments`.
    public func getArguments(_ name: String, strip: Bool = true) throws -> [String] {
        try getQueryArguments(name, strip: strip) + getBodyArguments(name, strip: strip)
    }

    /// All values of an argument of the query. Tornado: `RequestHandler.get_query_arguments`.
    public func getQueryArguments(_ name: String, strip: Bool = true) throws -> [String] {
        try queryList().values(name).map { try text($0, name, strip: strip) }
    }

    /// All values of an argument of the form: `application/x-www-form-urlencoded`, or the fields of `multipart/form-data`.
    ///
    /// Tornado: `RequestHandler.get_body_arguments`.
    public func getBodyArguments(_ name: String, strip: Bool = true) throws -> [String] {
        try bodyList().values(name).map { try text($0, name, strip: strip) }
    }

    /// All arguments of the query, not stripped. Tornado: `HTTPServerRequest.query_arguments`.
    public func queryArguments() throws -> Arguments { try arguments(queryList()) }

    /// All arguments of the form, not stripped. Tornado: `HTTPServerRequest.body_arguments`.
    public func bodyArguments() throws -> Arguments { try arguments(bodyList()) }

    private func arguments(_ list: ArgumentList) throws -> Arguments {
        try Arguments(list) { value, name in try decodeArgument(value, name) }
    }

    // MARK: From bytes to values

    private func queryList() throws -> ArgumentList {
        connection.checkThread("RequestHandler.getQueryArgument")
        if let known = extras?.queryArguments { return known }
        let list = try request.head.withQueryBytes { query in
            Result { () throws(HTTPError) in try ArgumentList(query, limit: application.settings.maxArguments) }
        }.get()
        madeExtras.queryArguments = list
        return list
    }

    private func bodyList() throws -> ArgumentList {
        connection.checkThread("RequestHandler.getBodyArgument")
        if let known = extras?.bodyArguments { return known }
        try requireCollectedBody("getBodyArgument")
        let list: ArgumentList
        if form != nil {
            list = ArgumentList(formFields())
        } else if let type = contentType?.type, type == "application/x-www-form-urlencoded" || type == multipartForm {
            guard type != multipartForm else { throw HTTPError.formWithoutBody }
            list = try request.body.withUnsafeBytes { body in
                Result { () throws(HTTPError) in try ArgumentList(body, limit: application.settings.maxArguments) }
            }.get()
        } else {
            list = ArgumentList([])
        }
        madeExtras.bodyArguments = list
        return list
    }

    private func text(_ value: [UInt8], _ name: String, strip: Bool) throws -> String {
        var text = try decodeArgument(value, name)
        if text.unicodeScalars.contains(where: Self.isControl) {
            var cleaned = String.UnicodeScalarView()
            for scalar in text.unicodeScalars { cleaned.append(Self.isControl(scalar) ? " " : scalar) }
            text = String(cleaned)
        }
        return strip ? Self.stripped(text) : text
    }

    /// Control characters that are no white space.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 && !(0x09...0x0D ~= scalar.value)
    }

    private static func stripped(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }

    private func required(_ name: String, _ values: [String]) throws -> String {
        guard let value = values.last else { throw HTTPError.missingArgument(name) }
        return value
    }

    /// The type of the request's body, in lower case, without parameters, and the whole field.
    var contentType: (type: String, field: String)? {
        guard let field = request.head[.contentType] else { return nil }
        let type = Substring(field.utf8.prefix { $0 != UInt8(ascii: ";") }).lowercased()
        return (Self.stripped(type), field)
    }
}
