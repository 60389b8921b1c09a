/// A value of JSON that is written down where it is needed: `["a": 1, "list": [1, nil, true]]`.
enum JSON: Encodable {
    case null
    case boolean(Bool)
    case integer(Int)
    case string(String)
    case list([JSON])
    case object([String: JSON])

    /// Nil is null.
    init(_ text: String?) { self = text.map { .string($0) } ?? .null }

    init(_ texts: [String]) { self = .list(texts.map { .string($0) }) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let values): try container.encode(values)
        }
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(nilLiteral: ()) { self = .null }
    init(booleanLiteral value: Bool) { self = .boolean(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(stringLiteral value: String) { self = .string(value) }
    init(arrayLiteral values: JSON...) { self = .list(values) }
    init(dictionaryLiteral pairs: (String, JSON)...) {
        self = .object(Dictionary(pairs, uniquingKeysWith: { $1 }))
    }
}
