/// Where a value is in its container.
enum JSONPathKey {
    /// In the place of its container.
    case none
    case name(any CodingKey)
    case index(Int)

    /// At most one.
    var codingKeys: [any CodingKey] {
        switch self {
        case .none: []
        case .name(let key): [key]
        case .index(let index): [Index(intValue: index)]
        }
    }

    /// An index as a key, as `JSONEncoder` has them in its paths.
    private struct Index: CodingKey {
        let index: Int

        init(intValue: Int) { index = intValue }
        init?(stringValue: String) { return nil }

        var intValue: Int? { index }
        var stringValue: String { "Index \(index)" }
    }
}
