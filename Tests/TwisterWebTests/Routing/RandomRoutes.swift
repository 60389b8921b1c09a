import TwisterTestSupport

/// Simple patterns over a small alphabet, and paths that often match them.
enum RandomRoutes {
    private static let pieces = [
        "/", "/", "/", "a", "b", "ab", #"\."#, #"\-"#, "-", "([0-9]+)", #"(\d+)"#, "([^/]+)", "([^/]*)", "(.*)",
        "(.+)", "([a-z]+)", "([a-b0-9-]*)", "(a?)", "/?", "a*", "[ab]", "(a{1,2})", "([ab]{2})", #"(\w+)"#, "(a-)",
        "(a([0-9]*)b)", "(?:ab)", "([^/.]+)", ".", #"(\S)"#,
    ]

    static func pattern(_ random: inout SeededGenerator) -> String {
        "/" + (0..<Int.random(in: 1...6, using: &random)).map { _ in pick(pieces, &random) }.joined()
            + pick(["", "", "", "(a|b)", "(?:a|/)", "(ab|ba)"], &random)
    }

    /// A path made from the pattern's elements, with a few random changes.
    static func path(_ random: inout SeededGenerator, like pattern: String) -> String {
        var path = ""
        var inClass = false
        for character in pattern {
            switch character {
            case "[": inClass = true
            case "]":
                inClass = false
                path += pick(["a", "b", "ab", "7", "12"], &random)
            case _ where inClass: break
            case "*", "+", ".": path += pick(["", "a", "b/a", "1", "-"], &random)
            case "/", "a", "b", "-": path.append(character)
            case "d", "w", "S": path += pick(["1", "42"], &random)
            default: break
            }
        }
        if Int.random(in: 0..<4, using: &random) == 0 { path += pick(["/", "a", "1", "."], &random) }
        return path
    }

    /// Loops of which each takes what the next one could take.
    static func ambiguousPattern(_ random: inout SeededGenerator) -> String {
        let loops = ["(.*)", "([^/]*)", "([ab]+)", "(a*)", "(b?)", "([ab-]{0,3})", "([a/]+)"]
        let literals = ["a", "b", "-", "/", "", "ab"]
        return "/"
            + (0..<Int.random(in: 3...6, using: &random)).map { _ in
                pick(loops, &random) + pick(literals, &random)
            }.joined()
    }

    /// A regex over a small alphabet, with everything that an automaton does: also loops over what may be empty.
    static func regex(_ random: inout SeededGenerator, depth: Int) -> String {
        let kind = depth == 0 ? 0 : Int.random(in: 0..<10, using: &random)
        switch kind {
        case 0...2:
            return pick(["a", "b", "a", "b", "c", ".", "[ab]", "[^a]", #"\w"#, "", #"\b"#, #"\B"#], &random)
        case 3...4:
            return regex(&random, depth: depth - 1) + regex(&random, depth: depth - 1)
        case 5:
            let options = (0..<Int.random(in: 2...3, using: &random)).map { _ in regex(&random, depth: depth - 1) }
            return pick(["(", "(", "(?:"], &random) + options.joined(separator: "|") + ")"
        case 6:
            return "(" + regex(&random, depth: depth - 1) + ")"
        default:
            let counts = ["*", "+", "?", "{2}", "{0,2}", "{1,2}", "{2,}", "{1,3}"]
            return pick(["(", "(?:"], &random) + regex(&random, depth: depth - 1) + ")" + pick(counts, &random)
                + pick(["", "", "", "?"], &random)
        }
    }

    private static func pick(_ choices: [String], _ random: inout SeededGenerator) -> String {
        choices[Int.random(in: 0..<choices.count, using: &random)]
    }
}
