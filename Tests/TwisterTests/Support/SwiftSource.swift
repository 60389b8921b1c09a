import FoundationEssentials

/// A Swift file as a test reads it: its code without comments and text literals, split into words and braces.
struct SwiftSource {
    /// The path below `Sources`.
    let path: String
    /// Identifiers and keywords, `{` and `}`, in their order. Code inside of `\( )` in a text literal counts.
    let tokens: [String]

    init(path: String, text: String) {
        self.path = path
        var scanner = TokenScanner(Array(text.utf8))
        scanner.scanCode(endsAtParenthesis: false)
        tokens = scanner.tokens
    }

    var words: Set<String> { Set(tokens) }

    // MARK: The files of `Sources`

    static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
        .joined(separator: "/")

    /// The Swift files in a folder of `Sources`, and in the folders below it.
    static func all(in folder: String) throws -> [SwiftSource] {
        try FileManager.default.subpathsOfDirectory(atPath: "\(root)/Sources/\(folder)").sorted()
            .filter { $0.hasSuffix(".swift") }
            .map { name in
                let path = "\(folder)/\(name)"
                return SwiftSource(
                    path: path, text: try String(contentsOfFile: "\(root)/Sources/\(path)", encoding: .utf8))
            }
    }

    /// The types that the file declares or extends outside of all braces, each with the words up to the next one.
    var declarations: [(keyword: String, name: String, words: Set<String>)] {
        var found: [(keyword: String, name: String, words: Set<String>)] = []
        var depth = 0
        for (token, next) in zip(tokens, tokens.dropFirst() + [""]) {
            switch token {
            case "{": depth += 1
            case "}": depth -= 1
            case "class", "struct", "enum", "protocol", "actor", "extension", "typealias":
                if depth == 0, next.first?.isUppercase == true { found.append((token, next, [])) }
            default: break
            }
            if !found.isEmpty { found[found.count - 1].words.insert(token) }
        }
        return found
    }
}

/// Splits Swift code into tokens.
private struct TokenScanner {
    private(set) var tokens: [String] = []
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private func starts(with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        return (0..<count).allSatisfy { bytes[position + $0] == text.utf8Start[$0] }
    }

    private mutating func skip(to text: StaticString) {
        while position < bytes.count, !starts(with: text) { position += 1 }
        position = min(bytes.count, position + text.utf8CodeUnitCount)
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    mutating func scanCode(endsAtParenthesis: Bool) {
        var depth = 0
        while position < bytes.count {
            let byte = bytes[position]
            if starts(with: "//") {
                skip(to: "\n")
            } else if starts(with: "/*") {
                skip(to: "*/")
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "#") {
                scanText()
            } else if Self.isWordByte(byte) {
                let start = position
                while position < bytes.count, Self.isWordByte(bytes[position]) { position += 1 }
                tokens.append(String(decoding: bytes[start..<position], as: UTF8.self))
            } else {
                position += 1
                switch byte {
                case UInt8(ascii: "{"), UInt8(ascii: "}"): tokens.append(String(Unicode.Scalar(byte)))
                case UInt8(ascii: "("): depth += 1
                case UInt8(ascii: ")"):
                    depth -= 1
                    if endsAtParenthesis, depth < 0 { return }
                default: break
                }
            }
        }
    }

    /// A text literal, or a `#` that begins something else.
    private mutating func scanText() {
        let start = position
        while position < bytes.count, bytes[position] == UInt8(ascii: "#") { position += 1 }
        let hashes = position - start
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return }
        let isLong = starts(with: "\"\"\"")
        position += isLong ? 3 : 1
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\\"), hasHashes(hashes, at: position + 1) {
                position += 1 + hashes
                guard position < bytes.count else { return }
                position += 1
                if bytes[position - 1] == UInt8(ascii: "(") { scanCode(endsAtParenthesis: true) }
            } else if isLong ? starts(with: "\"\"\"") : starts(with: "\""),
                hasHashes(hashes, at: position + (isLong ? 3 : 1))
            {
                position += (isLong ? 3 : 1) + hashes
                return
            } else {
                position += 1
            }
        }
    }

    private func hasHashes(_ count: Int, at index: Int) -> Bool {
        bytes.count - index >= count && (0..<count).allSatisfy { bytes[index + $0] == UInt8(ascii: "#") }
    }
}

/// Which types of a folder mention which others, across files.
struct TypeGraph {
    private(set) var arrows: [String: Set<String>] = [:]

    /// A type is what a file declares outside of all braces; an extension belongs to its type. What two types of one file
    /// say of each other is no arrow, nor is what is nested in a type.
    init(_ sources: [SwiftSource]) {
        var home: [String: String] = [:]
        var words: [String: Set<String>] = [:]
        for source in sources {
            for (keyword, name, mentioned) in source.declarations {
                words[name, default: []].formUnion(mentioned)
                if keyword != "extension", home[name] == nil { home[name] = source.path }
            }
        }
        for (name, path) in home {
            arrows[name] = (words[name] ?? []).filter { other in
                other != name && home[other].map { $0 != path } == true
            }
        }
    }

    /// The sets of types of which each can be reached from each other one, largest first.
    var circles: [[String]] {
        var search = CircleSearch(arrows)
        return search.circles().sorted { $0.count == $1.count ? $0[0] < $1[0] : $0.count > $1.count }
    }

    /// A circle in words: its types, and which of them mention which.
    func description(of circle: [String]) -> String {
        let lines = circle.map { name in
            "  \(name) mentions \((arrows[name] ?? []).intersection(circle).sorted().joined(separator: ", "))"
        }
        return "\(circle.count) types refer to each other in a circle:\n" + lines.joined(separator: "\n")
    }
}

/// Tarjan's algorithm for strongly connected components.
private struct CircleSearch {
    private let arrows: [String: Set<String>]
    private var index: [String: Int] = [:]
    private var low: [String: Int] = [:]
    private var stack: [String] = []
    private var found: [[String]] = []

    init(_ arrows: [String: Set<String>]) { self.arrows = arrows }

    mutating func circles() -> [[String]] {
        for name in arrows.keys.sorted() where index[name] == nil { visit(name) }
        return found
    }

    private mutating func visit(_ name: String) {
        let number = index.count
        index[name] = number
        var least = number
        stack.append(name)
        for other in (arrows[name] ?? []).sorted() {
            if index[other] == nil {
                visit(other)
                least = min(least, low[other] ?? least)
            } else if stack.contains(other) {
                least = min(least, index[other] ?? least)
            }
        }
        low[name] = least
        guard least == number, let start = stack.lastIndex(of: name) else { return }
        let part = stack[start...].sorted()
        stack.removeSubrange(start...)
        if part.count > 1 { found.append(part) }
    }
}
