/// A route of an application in words, as `--routes` lists it.
public struct RouteDescription: Sendable, Hashable {
    /// The host that the route serves; nil: every host.
    public let host: String?
    /// The pattern of the paths.
    public let pattern: String
    /// The methods that are served; empty for another application.
    public let methods: [String]
    /// What serves the requests.
    public let handler: String
    /// The name for `reverseURL`; nil for none.
    public let name: String?
    /// The middleware around the handler, the outermost first.
    public let middleware: [String]
    /// The rules of the route, with those of the groups around it and of the handler's class.
    public let policy: Policy
    /// Whether finding the route costs the same however many routes there are.
    public let sharesTrie: Bool

    /// The parts in the order in which a list shows them.
    fileprivate var columns: [String] {
        let rules = [policy.description, sharesTrie ? "" : "tried by itself"].filter { !$0.isEmpty }.joined(
            separator: ", ")
        return [
            methods.isEmpty ? "*" : methods.joined(separator: ","), (host ?? "") + pattern, handler, name ?? "",
            middleware.joined(separator: " > "), rules,
        ]
    }

    /// Routes as lines of aligned columns: methods, pattern, handler, name, middleware, rules.
    public static func table(_ routes: [RouteDescription]) -> String {
        let rows = [["METHODS", "PATTERN", "HANDLER", "NAME", "MIDDLEWARE", "RULES"]] + routes.map(\.columns)
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        // A column that no route has anything for is left out.
        let shown = rows[0].indices.filter { column in rows.dropFirst().contains { !$0[column].isEmpty } }
        return rows.map { row in
            var line = ""
            for column in shown {
                line += row[column] + String(repeating: " ", count: widths[column] - row[column].count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
