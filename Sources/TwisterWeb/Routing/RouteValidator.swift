/// Looks for routes that can never be reached, names that are used twice, patterns in another framework's syntax, and slashes
/// that are doubled where a group's prefix ends.
///
/// A route that is reported as never reached is certainly never reached. Some are not found: the validator does not check
/// whether several regular expressions together match every path of another one.
struct RouteValidator {
    let patterns: [URLPattern]
    let names: [String?]
    /// Whether each pattern has two slashes where a group's prefix and the pattern in the group meet.
    let doubledSlashes: [Bool]
    let table: RouteTable

    func problems() -> [RouteProblem] {
        var problems: [RouteProblem] = []
        var routesByText: [String: Int] = [:]
        var routesByName: [String: Int] = [:]
        for (route, pattern) in patterns.enumerated() {
            if let problem = duplicate(route, routesByText[pattern.text]) ?? notAPath(route) ?? unreachable(route) {
                problems.append(problem)
            }
            if let problem = foreignSyntax(route) { problems.append(problem) }
            if doubledSlashes[route] { problems.append(doubledSlash(route)) }
            if routesByText[pattern.text] == nil { routesByText[pattern.text] = route }
            guard let name = names[route] else { continue }
            if let earlier = routesByName[name] { problems.append(duplicateName(name, route, earlier)) }
            routesByName[name] = route
        }
        return problems
    }

    /// The routes that do not share the trie.
    func notes() -> [RouteNote] {
        patterns.enumerated().compactMap { route, pattern in
            guard case .automaton(_, let reason) = pattern.matcher else { return nil }
            return RouteNote(
                kind: .notInTrie, route: route,
                description:
                    "route \(route) \"\(pattern.text)\" is matched on its own, not with the other routes: \(reason)")
        }
    }

    // MARK: The problems

    private func duplicate(_ route: Int, _ earlier: Int?) -> RouteProblem? {
        guard let earlier else { return nil }
        return RouteProblem(
            kind: .duplicate, route: route, earlierRoute: earlier,
            description: "route \(route) \"\(patterns[route].text)\" is never reached: route \(earlier) is the same")
    }

    private func duplicateName(_ name: String, _ route: Int, _ earlier: Int) -> RouteProblem {
        RouteProblem(
            kind: .duplicateName, route: route, earlierRoute: earlier,
            description: "routes \(earlier) \"\(patterns[earlier].text)\" and \(route) \"\(patterns[route].text)\" are "
                + "both named \"\(name)\"")
    }

    /// Paths begin with a slash; the one exception is `*`, the target of `OPTIONS *` (RFC 9110, section 7.1).
    private func notAPath(_ route: Int) -> RouteProblem? {
        guard case .simple(let elements, _) = patterns[route].matcher,
            case .literal(let bytes)? = elements.first(where: { !$0.isGroupMark }),
            let first = bytes.first, first != UInt8(ascii: "/"), first != UInt8(ascii: "*")
        else { return nil }
        return RouteProblem(
            kind: .notAPath, route: route, earlierRoute: nil,
            description: "route \(route) \"\(patterns[route].text)\" is never reached: paths begin with \"/\"")
    }

    private func foreignSyntax(_ route: Int) -> RouteProblem? {
        ForeignParameter.first(in: patterns[route].text).map { parameter in
            RouteProblem(
                kind: .foreignSyntax, route: route, earlierRoute: nil,
                description: "route \(route) \"\(patterns[route].text)\": \"\(parameter.text)\" is taken literally: "
                    + "write ([^/]+)")
        }
    }

    private func doubledSlash(_ route: Int) -> RouteProblem {
        RouteProblem(
            kind: .doubledSlash, route: route, earlierRoute: nil,
            description:
                "route \(route) \"\(patterns[route].text)\" serves paths with \"//\": the prefix of its group ends with "
                + "a slash, and its own pattern begins with one")
    }

    private func unreachable(_ route: Int) -> RouteProblem? {
        guard case .simple(let elements, let lines) = patterns[route].matcher else { return nil }
        // A path that the route matches shows the one earlier route that may match all of its paths.
        let sample = Self.sample(of: elements)
        guard let winner = sample.withUnsafeBytes(table.match)?.index, winner < route else { return nil }
        let isLiteral = lines.count == 1 && lines[0].elements.allSatisfy(\.isLiteral)
        guard isLiteral || covers(winner, lines) else { return nil }
        return RouteProblem(
            kind: .unreachable, route: route, earlierRoute: winner,
            description: "route \(route) \"\(patterns[route].text)\" is never reached: route \(winner) "
                + "\"\(patterns[winner].text)\" stands before it and matches the same paths")
    }

    // MARK: Patterns that match more than others

    /// Some path that the elements match.
    private static func sample(of elements: [PatternElement]) -> [UInt8] {
        elements.flatMap { element -> [UInt8] in
            switch element {
            case .literal(let bytes): bytes
            case .choice(let options): options.first ?? []
            case .loop(let set, let minimum, let maximum):
                Array(repeating: typical(set), count: max(minimum, min(1, maximum ?? 1)))
            case .open, .close: []
            }
        }
    }

    /// A byte of the set that few other sets contain.
    private static func typical(_ set: ByteSet) -> UInt8 {
        let members = set.members
        return members.first { 0x21..<0x7F ~= $0 && !$0.isASCIILetterOrDigit && $0 != UInt8(ascii: "/") }
            ?? members.last ?? UInt8(ascii: "/")
    }

    /// Whether the earlier route surely matches whatever one of these lines matches.
    private func covers(_ earlier: Int, _ lines: [LinearPattern]) -> Bool {
        guard case .simple(_, let earlierLines) = patterns[earlier].matcher else { return false }
        return lines.allSatisfy { line in
            let narrow = line.elements.splittingLiterals[...]
            return earlierLines.contains { Self.covers($0.elements.splittingLiterals[...], narrow) }
        }
    }

    private static func covers(_ wide: ArraySlice<PatternElement>, _ narrow: ArraySlice<PatternElement>) -> Bool {
        guard let first = wide.first else { return narrow.isEmpty }
        // A "(.*)" at the end matches the whole rest.
        if wide.count == 1, case .loop(let set, let minimum, nil) = first, minimum <= leastLength(narrow) {
            if narrow.allSatisfy({ accepts(set, $0) }) { return true }
        }
        guard let other = narrow.first, covers(first, other) else { return false }
        return covers(wide.dropFirst(), narrow.dropFirst())
    }

    /// Whether a set accepts what another accepts, but for line feeds: "." takes none, and no path has one.
    private static func accepts(_ set: ByteSet, _ other: ByteSet) -> Bool {
        set.union(ByteSet([0x0A])).isSuperset(of: other)
    }

    private static func covers(_ wide: PatternElement, _ narrow: PatternElement) -> Bool {
        guard case .loop(let set, let minimum, let maximum) = wide,
            case .loop(let otherSet, let otherMinimum, let otherMaximum) = narrow
        else { return wide == narrow }
        let isLongEnough = maximum.map { maximum in otherMaximum.map { $0 <= maximum } ?? false } ?? true
        return accepts(set, otherSet) && minimum <= otherMinimum && isLongEnough
    }

    private static func accepts(_ set: ByteSet, _ element: PatternElement) -> Bool {
        switch element {
        case .literal(let bytes): bytes.allSatisfy(set.contains)
        case .loop(let other, _, _): accepts(set, other)
        case .choice, .open, .close: false
        }
    }

    private static func leastLength(_ elements: ArraySlice<PatternElement>) -> Int {
        elements.reduce(0) { length, element in
            switch element {
            case .literal(let bytes): length + bytes.count
            case .loop(_, let minimum, _): length + minimum
            case .choice, .open, .close: length
            }
        }
    }
}
