package import HTTPTypes

/// The head of a response: status, reason phrase and fields.
///
/// Names and values are checked when they are set, so that no text of an application can end a line and start another
/// (header injection). They are stored as they are sent: the encoder copies them in one piece. A connection uses one head
/// for response after response.
package final class ResponseHead {
    /// Fields that the encoder writes itself unless the application did.
    struct KnownFields: OptionSet {
        let rawValue: UInt8
        static var date: KnownFields { KnownFields(rawValue: 1) }
        static var server: KnownFields { KnownFields(rawValue: 2) }
        static var connection: KnownFields { KnownFields(rawValue: 4) }
        static var contentType: KnownFields { KnownFields(rawValue: 8) }
    }

    /// The part that is replaced as a whole when the next response begins. It holds no references, so that the replacement
    /// is a few stores.
    struct State {
        var status = 200
        var contentLength: Int?
        var known: KnownFields = []
    }

    private(set) var state = State()
    private var reasonPhrase: String?
    // Without the checks, it takes 587 instead of 1,110 instructions to set one field and to encode the head.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private(set) var lines = FieldLines()

    package init() {}

    /// From 100 to 999.
    package var status: Int { state.status }

    /// Whether a response of this status has a body: one of 204, 205 and 304 has none (RFC 9110, 6.4.1 and 15.3.6).
    package var allowsBody: Bool { status != 204 && status != 304 && status != 205 }

    /// The parts that decide how the body is framed, read at one go.
    package var framing: (status: Int, allowsBody: Bool, contentLength: Int?) { (status, allowsBody, contentLength) }

    /// The reason phrase, nil for the usual one of the status.
    package var reason: String? { reasonPhrase }

    /// The declared length of the body, nil when none was declared.
    package var contentLength: Int? { state.contentLength }

    var known: KnownFields { state.known }

    /// The fields in the order in which they were added. Content-Length is not among them.
    package var fields: [FieldLines.Field] { lines.fields }

    /// Calls `body` with the octets of each field, without Content-Length. They are valid during the call.
    package func forEachField(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        lines.forEach(body)
    }

    /// Whether the application set a Date of its own.
    package var hasDate: Bool { known.contains(.date) }
    /// Whether the application set a Server of its own.
    package var hasServer: Bool { known.contains(.server) }

    /// Becomes an empty 200 for the next response, and keeps storage of usual size.
    package func reuse() {
        state = State()
        if reasonPhrase != nil { reasonPhrase = nil }
        if !lines.isEmpty { lines.removeAll() }
    }

    /// Sets all but the fields.
    func replace(_ state: State, _ reason: String?) {
        self.state = state
        reasonPhrase = reason
    }

    /// Becomes an empty 200, and gives back all memory.
    package func giveBackMemory() {
        reuse()
        lines = FieldLines()
    }

    package func setStatus(_ status: Int, reason: String? = nil) throws(HTTPHeaderError) {
        guard (100...999).contains(status) else { throw .invalidStatus(status) }
        if let reason {
            guard FieldSyntax.isValue(reason) else { throw .invalidReason }
        }
        state.status = status
        reasonPhrase = reason
    }

    /// Replaces all fields of that name by one.
    package func set(_ name: HTTPField.Name, _ value: String) throws(HTTPHeaderError) {
        if name == .contentType, lines.isEmpty { return try setType(value) }
        if try isLine(name, value) { lines.set(name.rawName, value) }
    }

    /// Sets the Content-Type as the first field.
    @inline(__always)
    private func setType(_ value: String) throws(HTTPHeaderError) {
        if !lines.restoreContentType(value) {
            guard FieldSyntax.isValue(value) else { throw .invalidValue(name: HTTPField.Name.contentType.rawName) }
            lines.appendContentType(value)
        }
        state.known.insert(.contentType)
    }

    /// Adds a field and keeps those of the same name, as Set-Cookie requires.
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
        if name == .contentLength { state.contentLength = nil }
        lines.removeAll(named: name.rawName)
        state.known.subtract(Self.knownField(name))
    }

    /// The value of the first field of that name.
    package func get(_ name: HTTPField.Name) -> String? { values(for: name).first }

    package func values(for name: HTTPField.Name) -> [String] {
        if let length = contentLength, name == .contentLength { return [String(length)] }
        return lines.values(for: name.rawName)
    }

    package func contains(_ name: HTTPField.Name) -> Bool { get(name) != nil }

    /// Whether a Content-Type was set. It is noted and not looked up, because each response asks for it.
    package var hasContentType: Bool { known.contains(.contentType) }

    /// Whether the application asked to close the connection.
    package var closesConnection: Bool { known.contains(.connection) && saysClose }

    /// A function of its own, because few responses have the field and each is asked.
    @inline(never)
    private var saysClose: Bool {
        values(for: .connection).contains { value in value.withOctets { TokenList.contains($0, "close") } }
    }

    /// Checks a field, and returns whether it becomes one of the lines: Content-Length becomes a number, and an application may
    /// not set Transfer-Encoding. The name is a token, unless it is that of a pseudo-field of HTTP/2.
    @inline(__always)
    private func isLine(_ name: HTTPField.Name, _ value: String) throws(HTTPHeaderError) -> Bool {
        guard FieldSyntax.isValue(value) else { throw .invalidValue(name: name.rawName) }
        switch name.canonicalName.utf8.count {
        // Nearly every response has it.
        case 12 where name == .contentType:
            state.known.insert(.contentType)
            return true
        case 14 where name == .contentLength:
            guard let length = value.withOctets(DecimalNumber.parse) else {
                throw .invalidValue(name: name.rawName)
            }
            state.contentLength = length
            return false
        case 17 where name == .transferEncoding:
            throw .reserved(name: name.rawName)
        default:
            guard name.rawName.utf8.first != ASCII.colon else { throw .invalidName(name.rawName) }
            state.known.formUnion(Self.knownField(name))
            return true
        }
    }

    private static func knownField(_ name: HTTPField.Name) -> KnownFields {
        // The length is compared first, because most names are none of these.
        switch name.canonicalName.utf8.count {
        case 4 where name == .date: .date
        case 6 where name == .server: .server
        case 10 where name == .connection: .connection
        case 12 where name == .contentType: .contentType
        default: []
        }
    }
}

/// A name, a value or a reason phrase that is not allowed in a response's head. Nothing of it is sent.
public enum HTTPHeaderError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name is no token (RFC 9110 5.1).
    case invalidName(String)
    /// The value of the field of that name holds CR, LF, NUL or another control character (RFC 9110 5.5).
    case invalidValue(name: String)
    /// The reason phrase holds a control character (RFC 9112 4).
    case invalidReason
    /// The status is not a number from 100 to 999.
    case invalidStatus(Int)
    /// The field describes the framing of the message, which the server decides itself.
    case reserved(name: String)

    public var description: String {
        switch self {
        case .invalidName(let name): "not a field name: \(name.debugDescription)"
        case .invalidValue(let name): "control character, or not a number, in the value of \(name)"
        case .invalidReason: "control character in the reason phrase"
        case .invalidStatus(let status): "not a status code: \(status)"
        case .reserved(let name): "\(name) is set by the server"
        }
    }
}
