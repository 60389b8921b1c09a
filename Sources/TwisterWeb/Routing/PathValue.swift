/// A type of path arguments: what a group of a URL's pattern matched, converted.
///
///     URLSpec(.get, "/todos/([0-9]+)") { (_, id: Int) in await store.find(id) }
///
/// A path whose argument does not convert has no page: 404.
public protocol PathValue: Sendable {
    /// Nil where the text is no such value. `argument` is the decoded text of the group; nil where the group took no part in the
    /// match.
    init?(pathArgument argument: String?)

    /// The text for the path, from which the same value is made again.
    var pathArgument: String { get }
}

extension PathValue where Self: LosslessStringConvertible {
    public init?(pathArgument argument: String?) {
        guard let argument, let value = Self(argument) else { return nil }
        self = value
    }

    /// The text for the path.
    public var pathArgument: String { description }
}

extension PathValue where Self: BinaryFloatingPoint & LosslessStringConvertible {
    /// Nil where the text is no finite decimal number.
    public init?(pathArgument argument: String?) {
        guard let argument else { return nil }
        self.init(decimal: argument)
    }
}

extension String: PathValue {}
extension Int: PathValue {}
extension Int64: PathValue {}
extension UInt: PathValue {}
extension UInt64: PathValue {}
extension Double: PathValue {}
extension Bool: PathValue {}

/// For groups that may take no part in a match, as in `/page(?:/([0-9]+))?`.
extension Optional: PathValue where Wrapped: PathValue {
    public init?(pathArgument argument: String?) {
        guard let argument else {
            self = .none
            return
        }
        guard let value = Wrapped(pathArgument: argument) else { return nil }
        self = .some(value)
    }

    /// The text for the path.
    public var pathArgument: String { self?.pathArgument ?? "" }
}

/// For enums whose cases have names.
extension PathValue where Self: RawRepresentable, RawValue == String {
    public init?(pathArgument argument: String?) {
        guard let argument, let value = Self(rawValue: argument) else { return nil }
        self = value
    }

    /// The text for the path.
    public var pathArgument: String { rawValue }
}
