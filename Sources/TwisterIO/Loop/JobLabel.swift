/// The name of a kind of job that loops run: a handler and its route. Other threads read the label of a job while the job runs,
/// so it is a number, and its texts are kept for as long as the process lives.
public struct JobLabel: Sendable, Hashable {
    private struct Texts: Hashable, Sendable {
        let handler: String
        let route: String?
    }

    private struct Table: Sendable {
        var texts = [Texts(handler: "", route: nil)]
        var places: [Texts: Int] = [:]
    }

    private static let table = ConditionLock(Table())

    /// Twice the place in the table, and one more where there is a route; 0: nothing is known.
    @usableFromInline let number: Int

    init(number: Int) { self.number = number }

    /// - Parameters:
    ///   - handler: the name of the handler's type.
    ///   - route: the pattern of its route; nil: it has none.
    public init(handler: String, route: String? = nil) {
        let texts = Texts(handler: handler, route: route)
        let place = Self.table.withLock { table in
            if let known = table.places[texts] { return known }
            table.texts.append(texts)
            table.places[texts] = table.texts.count - 1
            return table.texts.count - 1
        }
        number = 2 * place + (route == nil ? 0 : 1)
    }

    /// The label of jobs of which nothing is known.
    public static let unknown = JobLabel(number: 0)

    /// The name of the handler's type; nil: nothing is known.
    public var handler: String? { number == 0 ? nil : texts.handler }
    /// The pattern of its route; nil: it has none.
    public var route: String? { texts.route }

    /// Stands for the handler and its route in tables: numbers begin at 1 and are not used again in the process; 0: no route.
    package var routeNumber: Int { number & 1 == 0 ? 0 : number >> 1 }

    private var texts: Texts {
        Self.table.withLock { table in table.texts[table.texts.indices.contains(number >> 1) ? number >> 1 : 0] }
    }
}

extension JobLabel: CustomStringConvertible {
    /// `Slow (route /slow)`; empty where nothing is known.
    public var description: String {
        guard let handler else { return "" }
        return route.map { "\(handler) (route \($0))" } ?? handler
    }
}
