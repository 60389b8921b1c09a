/// In which order the elements of a value are in the text.
enum JSONOrder: Int {
    /// That in which they are encoded.
    case encoded = 0
    /// Sorted.
    case sorted = 1
    /// Sorted, where every two elements are a pair.
    case sortedPairs = 2
}

/// The elements of open values that are sorted when their value ends.
///
/// Dictionaries and sets have another order in each instance. Equal ones need the same text, because the entity tag of a
/// response is made from it.
struct JSONUnordered {
    /// Where elements begin in the text, those of the outermost value first. The first element of each value is in its scope, so
    /// that a value with one element takes no memory.
    private var starts: [Int] = []

    /// The elements of one value.
    struct Scope {
        /// Where the first element begins in the text.
        fileprivate let textStart: Int
        /// Where the others begin in the list.
        fileprivate let first: Int
        /// How many elements the value had before.
        fileprivate let others: Int
        fileprivate let order: JSONOrder

        /// Whether the value had more than `count` elements before those that are sorted.
        func beganAfter(_ count: Int) -> Bool { others > count }
    }

    /// A value has `elements` elements that are not sorted, and more will follow.
    func newScope(_ order: JSONOrder, textCount: Int, elements: Int) -> Scope {
        // A comma is written between the elements.
        Scope(textStart: elements > 0 ? textCount + 1 : textCount, first: starts.count, others: elements, order: order)
    }

    /// Removes the elements of the innermost value.
    mutating func end(_ scope: Scope) {
        if starts.count > scope.first { starts.removeLast(starts.count - scope.first) }
    }

    /// An element begins at the end of the text.
    mutating func begin(_ index: Int, _ scope: Scope, textCount: Int) {
        let index = index - scope.others
        if index > 0, scope.order == .sorted || index % 2 == 0 { starts.append(textCount) }
    }

    /// Forgets the elements of the innermost value that began behind the first `textCount` octets.
    mutating func shorten(_ scope: Scope, to textCount: Int) {
        while starts.count > scope.first, let last = starts.last, last > textCount { starts.removeLast() }
    }

    /// Sorts the elements of the innermost value, which is at the end of the text.
    func sort(_ scope: Scope, _ text: inout JSONText) {
        let others = starts[scope.first...]
        if !others.isEmpty { text.sortElements([scope.textStart] + others) }
    }
}

/// The types of the library that encode lists whose order says nothing.
protocol JSONUnorderedList {
    static var order: JSONOrder { get }
}

extension Set: JSONUnorderedList {
    static var order: JSONOrder { .sorted }
}

/// A dictionary whose keys are neither texts nor whole numbers is encoded as a list of keys and values.
extension Dictionary: JSONUnorderedList {
    static var order: JSONOrder { .sortedPairs }
}

/// The keys with which dictionaries encode themselves as objects. The library does not name their type.
enum JSONDictionaryKey {
    static let type: ObjectIdentifier? = {
        let probe = Probe()
        try? [String: Int]().encode(to: probe)
        return probe.type
    }()

    /// Notes the type of the keys of the value that it encodes.
    private final class Probe: Encoder {
        var type: ObjectIdentifier?
        var codingPath: [any CodingKey] { [] }
        var userInfo: [CodingUserInfoKey: Any] { [:] }
        private let encoder = JSONValueEncoder(writer: JSONWriter(), place: .closed)

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            self.type = ObjectIdentifier(type)
            return KeyedEncodingContainer(JSONObjectContainer<Key>(writer: JSONWriter(), place: .closed))
        }
        func unkeyedContainer() -> any UnkeyedEncodingContainer { encoder.unkeyedContainer() }
        func singleValueContainer() -> any SingleValueEncodingContainer { encoder.singleValueContainer() }
    }
}
