import HTTPTypes
import TwisterCodec

/// The arguments of a query or a form, in order of appearance; the values are bytes, which the handler decodes. Names are
/// compared by their UTF-8, as everywhere on the web: "é" and "e" with an accent behind it are two names.
struct ArgumentList {
    private(set) var arguments: [(name: String, value: [UInt8])] = []

    /// Parses a query, or a body of type `application/x-www-form-urlencoded`.
    ///
    /// - Throws: `HTTPError` 400 for more arguments than `limit`.
    init(_ octets: UnsafeRawBufferPointer, limit: Int) throws(HTTPError) {
        var parser = QueryParser(octets, limit: limit)
        while let (name, value) = parser.nextRaw() {
            arguments.append((PercentCoding.decodeForm(name), PercentCoding.decodeFormBytes(value)))
        }
        guard !parser.isTruncated else {
            throw HTTPError(
                .badRequest, "more than \(limit) arguments", detail: "There are more than \(limit) arguments.")
        }
    }

    init(_ arguments: [(name: String, value: [UInt8])]) { self.arguments = arguments }

    /// The values of that name.
    func values(_ name: String) -> [[UInt8]] {
        arguments.compactMap { $0.name.utf8.elementsEqual(name.utf8) ? $0.value : nil }
    }
}

/// The arguments of a request by name, decoded, as `RequestHandler.queryArguments` and `bodyArguments` return them: names in
/// order of first appearance.
public struct Arguments: Sendable, Hashable, Sequence {
    /// Each name with its values, in order.
    public let all: [Argument]
    /// The index of each name in `all`. Clients choose the number of names, so a linear search could take too long.
    private let places: [[UInt8]: Int]

    /// Decodes the values of a list, and brings those of one name together.
    init(_ list: ArgumentList, decode: (_ value: [UInt8], _ name: String) throws -> String) rethrows {
        var places: [[UInt8]: Int] = [:]
        var values: [(name: String, values: [String])] = []
        for (name, value) in list.arguments {
            let text = try decode(value, name)
            let octets = Array(name.utf8)
            if let place = places[octets] {
                values[place].values.append(text)
            } else {
                places[octets] = values.count
                values.append((name, [text]))
            }
        }
        all = values.map { Argument(name: $0.name, values: $0.values) }
        self.places = places
    }

    /// A name with its values, at least one.
    public struct Argument: Sendable, Hashable {
        /// The argument's name.
        public let name: String
        /// Its values, in the order in which they came.
        public let values: [String]
    }

    /// The values of that name; empty where there are none.
    public subscript(name: String) -> [String] { places[Array(name.utf8)].map { all[$0].values } ?? [] }

    public func makeIterator() -> [Argument].Iterator { all.makeIterator() }
}
