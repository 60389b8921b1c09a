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

    /// 100 to 999.
    @exclusivity(unchecked) package private(set) var status = 200
    /// The reason phrase, nil for the usual one of the status.
    @exclusivity(unchecked) package private(set) var reason: String?
    @exclusivity(unchecked) private(set) var lines = FieldLines()
    /// The declared length of the body, nil when none was declared.
    @exclusivity(unchecked) package var contentLength: Int? {
        didSet { if let length = contentLength, length < 0 { contentLength = oldValue } }
    }
    @exclusivity(unchecked) private(set) var known: KnownFields = []

    package init() {}

    /// The fields in the order in which they were added. Content-Length is not among them.
    package var fields: [Field] { lines.fields }

    /// Back to an empty 200, with the storage kept.
    package func reuse() {
        status = 200
        if reason != nil { reason = nil }
        contentLength = nil
        known = []
        lines.removeAll()
    }

    package func setStatus(_ status: Int, reason: String? = nil) throws(HTTPHeaderError) {
        guard (100...999).contains(status) else { throw .invalidStatus(status) }
        if let reason {
            guard FieldSyntax.isValue(reason) else { throw .invalidReason }
        }
        self.status = status
        self.reason = reason
    }

    /// Replaces all fields of that name by one.
    package func set(_ name: String, _ value: String) throws(HTTPHeaderError) {
        guard FieldSyntax.isName(name) else { throw .invalidName(name) }
        try setChecked(name, value)
    }

    /// The same for a name that is known to be one, unless it is a pseudo-field's of HTTP/2.
    package func set(_ name: HTTPField.Name, _ value: String) throws(HTTPHeaderError) {
        guard name.rawName.utf8.first != ASCII.colon else { throw .invalidName(name.rawName) }
        try setChecked(name.rawName, value)
    }

    private func setChecked(_ name: String, _ value: String) throws(HTTPHeaderError) {
        guard FieldSyntax.isValue(value) else { throw .invalidValue(name: name) }
        if try take(name, value) { return }
        let isNew = lines.isEmpty || !lines.replace(name, value)
        if isNew { lines.append(name, value) }
        known.formUnion(Self.knownField(name))
    }

    /// Adds a field and leaves those of the same name: Set-Cookie needs that.
    package func add(_ name: String, _ value: String) throws(HTTPHeaderError) {
        guard FieldSyntax.isName(name) else { throw .invalidName(name) }
        guard FieldSyntax.isValue(value) else { throw .invalidValue(name: name) }
        if try take(name, value) { return }
        lines.append(name, value)
        known.formUnion(Self.knownField(name))
    }

    package func add(_ name: HTTPField.Name, _ value: String) throws(HTTPHeaderError) {
        try add(name.rawName, value)
    }

    package func remove(_ name: String) {
        if FieldSyntax.areSameName(name, "Content-Length") { contentLength = nil }
        lines.removeAll(named: name)
        known.subtract(Self.knownField(name))
    }

    /// The value of the first field of that name.
    package func get(_ name: String) -> String? { values(for: name).first }

    package func values(for name: String) -> [String] {
        if let length = contentLength, FieldSyntax.areSameName(name, "Content-Length") { return [String(length)] }
        return fields.filter { FieldSyntax.areSameName($0.name, name) }.map(\.value)
    }

    package func contains(_ name: String) -> Bool { get(name) != nil }

    /// Whether a Content-Type was set: asked for each answer, so it is noted and not looked up.
    package var hasContentType: Bool { known.contains(.contentType) }

    /// Whether the application asked to close the connection.
    package var closesConnection: Bool {
        guard known.contains(.connection) else { return false }
        return values(for: "Connection").contains { value in
            FieldSyntax.withOctets(value) { TokenList.contains($0, "close") }
        }
    }

    /// Content-Length becomes a number; Transfer-Encoding is not the application's to set. True when the field needs no
    /// place among the lines.
    private func take(_ name: String, _ value: String) throws(HTTPHeaderError) -> Bool {
        switch name.utf8.count {
        case 14 where FieldSyntax.areSameName(name, "Content-Length"):
            guard let length = FieldSyntax.withOctets(value, DecimalNumber.parse) else {
                throw .invalidValue(name: name)
            }
            contentLength = length
            return true
        case 17 where FieldSyntax.areSameName(name, "Transfer-Encoding"):
            throw .reserved(name: name)
        default:
            return false
        }
    }

    private static func knownField(_ name: String) -> KnownFields {
        // By length first: most names are none of them.
        switch name.utf8.count {
        case 4 where FieldSyntax.areSameName(name, "Date"): .date
        case 6 where FieldSyntax.areSameName(name, "Server"): .server
        case 10 where FieldSyntax.areSameName(name, "Connection"): .connection
        case 12 where FieldSyntax.areSameName(name, "Content-Type"): .contentType
        default: []
        }
    }
}
