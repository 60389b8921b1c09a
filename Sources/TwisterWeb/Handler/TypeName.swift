import FoundationEssentials

/// A type in words for a client, who does not know Swift's.
struct TypeName {
    let text: String

    /// Nil for types that have no name that a client knows.
    init?(_ type: any Any.Type) {
        switch type {
        case let optional as any OptionalType.Type:
            guard let wrapped = TypeName(optional.wrapped) else { return nil }
            self = wrapped
        case is String.Type: text = "a string"
        case is Bool.Type: text = "a boolean"
        case is any BinaryInteger.Type: text = "an integer"
        case is any BinaryFloatingPoint.Type: text = "a number"
        case is Date.Type: text = "a date"
        case is Decimal.Type: text = "a number"
        case is URL.Type: text = "a URL"
        case is Data.Type: text = "text in Base64"
        case is [Any].Type: text = "a list"
        case is [String: Any].Type: text = "an object"
        default: return nil
        }
    }
}
