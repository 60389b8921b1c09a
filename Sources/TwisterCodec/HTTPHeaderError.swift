/// A name, a value or a reason phrase that may not stand in an answer's head. Nothing of it is sent.
public enum HTTPHeaderError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name is no token (RFC 9110 5.1).
    case invalidName(String)
    /// The value of the field of that name holds CR, LF, NUL or another control character (RFC 9110 5.5).
    case invalidValue(name: String)
    /// The reason phrase holds a control character (RFC 9112 4).
    case invalidReason
    /// The status is not a number from 100 to 999.
    case invalidStatus(Int)
    /// The field says how the message is framed, which the server decides by itself.
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
