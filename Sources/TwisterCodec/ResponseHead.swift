package import HTTPTypes

/// The head of an answer: status, reason phrase and fields.
///
/// Names and values are checked when they are set, so that nothing an application passes on can end a line and start
/// another (header injection), and are kept as they go out: the encoder copies them in one piece. A connection keeps
/// one head and uses it again; its storage stays.
package final class ResponseHead {
    package typealias Field = (name: String, value: String)

    /// Fields that the encoder writes by itself unless the application did.
    struct KnownFields: OptionSet {
        let rawValue: UInt8
        static var date: KnownFields { KnownFields(rawValue: 1) }
        static var server: KnownFields { KnownFields(rawValue: 2) }
        static var connection: KnownFields { KnownFields(rawValue: 4) }
        static var contentType: KnownFields { KnownFields(rawValue: 8) }
    }

    // What other modules read goes through computed properties: they would check their accesses to the stored ones.
    @exclusivity(unchecked) private var statusCode = 200
    @exclusivity(unchecked) private var reasonPhrase: String?
    @exclusivity(unchecked) private var declaredLength: Int?
    @exclusivity(unchecked) private(set) var lines = FieldLines()
    @exclusivity(unchecked) private(set) var known: KnownFields = []

    package init() {}

    /// 100 to 999.
    package var status: Int { statusCode }

    /// Whether the status goes with a body: 204, 205 and 304 have none (RFC 9110, 6.4.1 and 15.3.6).
    package var allowsBody: Bool { statusCode != 204 && statusCode != 304 && statusCode != 205 }

    /// The reason phrase, nil for the usual one of the status.
    package var reason: String? { reasonPhrase }

    /// The declared length of the body, nil when none was declared.
    package var contentLength: Int? { declaredLength }

    /// The fields in the order in which they were added. Content-Length is not among them.
    package var fields: [Field] { lines.fields }

    /// Back to an empty 200, with the storage kept.
    package func reuse() {
        statusCode = 200
        if reasonPhrase != nil { reasonPhrase = nil }
        declaredLength = nil
        known = []
        if !lines.isEmpty { lines.removeAll() }
    }

    package func setStatus(_ status: Int, reason: String? = nil) throws(HTTPHeaderError) {
        guard (100...999).contains(status) else { throw .invalidStatus(status) }
        if let reason {
            guard FieldSyntax.isValue(reason) else { throw .invalidReason }
        }
        statusCode = status
        reasonPhrase = reason
    }

    /// Replaces all fields of that name by one.
    package func set(_ name: HTTPField.Name, _ value: String) throws(HTTPHeaderError) {
        if try isLine(name, value) { lines.set(name.rawName, value) }
    }

    /// Adds a field and leaves those of the same name: Set-Cookie needs that.
    package func add(_ name: HTTPField.Name, _ value: String) throws(HTTPHeaderError) {
        if try isLine(name, value) { lines.append(name.rawName, value) }
    }

    package func set(_ name: String, _ value: String) throws(HTTPHeaderError) {
        guard let fieldName = HTTPField.Name(name) else { throw .invalidName(name) }
        try set(fieldName, value)
    }

    package func add(_ name: String, _ value: String) throws(HTTPHeaderError) {
        guard let fieldName = HTTPField.Name(name) else { throw .invalidName(name) }
        try add(fieldName, value)
    }

    package func remove(_ name: HTTPField.Name) {
        if name == .contentLength { declaredLength = nil }
        lines.removeAll(named: name.rawName)
        known.subtract(Self.knownField(name))
    }

    /// The value of the first field of that name.
    package func get(_ name: HTTPField.Name) -> String? { values(for: name).first }

    package func values(for name: HTTPField.Name) -> [String] {
        if let length = contentLength, name == .contentLength { return [String(length)] }
        return lines.values(for: name.rawName)
    }

    package func contains(_ name: HTTPField.Name) -> Bool { get(name) != nil }

    /// Whether a Content-Type was set: asked for each answer, so it is noted and not looked up.
    package var hasContentType: Bool { known.contains(.contentType) }

    /// Whether the application asked to close the connection.
    package var closesConnection: Bool { known.contains(.connection) && saysClose }

    /// Apart, because few answers have the field and each is asked.
    @inline(never)
    private var saysClose: Bool {
        values(for: .connection).contains { value in value.withOctets { TokenList.contains($0, "close") } }
    }

    /// Checks a field, and answers whether it is to stand among the lines: Content-Length becomes a number, and
    /// Transfer-Encoding is not the application's to set. The name is a token, unless it is a pseudo-field's of HTTP/2.
    @inline(__always)
    private func isLine(_ name: HTTPField.Name, _ value: String) throws(HTTPHeaderError) -> Bool {
        guard FieldSyntax.isValue(value) else { throw .invalidValue(name: name.rawName) }
        switch name.canonicalName.utf8.count {
        // Nearly every answer has it.
        case 12 where name == .contentType:
            known.insert(.contentType)
            return true
        case 14 where name == .contentLength:
            guard let length = value.withOctets(DecimalNumber.parse) else {
                throw .invalidValue(name: name.rawName)
            }
            declaredLength = length
            return false
        case 17 where name == .transferEncoding:
            throw .reserved(name: name.rawName)
        default:
            guard name.rawName.utf8.first != ASCII.colon else { throw .invalidName(name.rawName) }
            known.formUnion(Self.knownField(name))
            return true
        }
    }

    private static func knownField(_ name: HTTPField.Name) -> KnownFields {
        // By length first: most names are none of them.
        switch name.canonicalName.utf8.count {
        case 4 where name == .date: .date
        case 6 where name == .server: .server
        case 10 where name == .connection: .connection
        case 12 where name == .contentType: .contentType
        default: []
        }
    }
}
