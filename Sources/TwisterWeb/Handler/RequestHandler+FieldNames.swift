import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Header fields of the response by the text of their names, for names that HTTPTypes has no constant for.
extension RequestHandler {
    /// Sets a field, replacing what was set under that name.
    ///
    /// - Throws: `HTTPHeaderError` where the name is no token (RFC 9110, 5.1) or the value holds CR, LF, NUL or another control
    ///   character.
    ///
    /// Tornado: `RequestHandler.set_header`.
    public func setHeader(_ name: String, _ value: String) throws { try setHeader(fieldName(name), value) }

    /// Adds a field besides those of the same name. Tornado: `RequestHandler.add_header`.
    ///
    /// - Throws: `HTTPHeaderError`, as `setHeader`.
    public func addHeader(_ name: String, _ value: String) throws { try addHeader(fieldName(name), value) }

    /// Removes the fields of that name; a text that is no name has none. Tornado: `RequestHandler.clear_header`.
    public func clearHeader(_ name: String) {
        if let name = HTTPField.Name(name) { clearHeader(name) }
    }

    private func fieldName(_ text: String) throws -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { throw HTTPHeaderError.invalidName(text) }
        return name
    }
}
