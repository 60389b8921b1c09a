/// Fields that follow a chunked body (RFC 9110 6.5), checked like those of the head.
package struct ResponseTrailers {
    package private(set) var fields: [FieldLines.Field] = []

    package init() {}

    package var isEmpty: Bool { fields.isEmpty }

    /// Throws also for fields that have to stand in the head, such as Content-Length.
    package mutating func add(_ name: String, _ value: String) throws(HTTPHeaderError) {
        guard FieldSyntax.isName(name) else { throw .invalidName(name) }
        guard FieldSyntax.isValue(value) else { throw .invalidValue(name: name) }
        guard TrailerRules.isAllowed(name.lowercased()) else { throw .reserved(name: name) }
        fields.append((name, value))
    }
}
