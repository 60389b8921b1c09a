import FoundationEssentials
import Testing

/// The documents name tests and limits; what they name exists.
@Suite("Documents")
struct DocumentTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(SwiftSource.root)/\(path)", encoding: .utf8)
    }

    /// The rows of a document's tables, as cells.
    private static func rows(_ document: String) throws -> [[Substring]] {
        try text(document).split(separator: "\n").filter { $0.hasPrefix("| ") }.map { $0.split(separator: "|") }
    }

    /// Texts in backticks.
    private static func codes(in text: some StringProtocol) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .compactMap { $0.offset % 2 == 1 ? String($0.element) : nil }
    }

    /// The contents of the test files, by their names without the extension.
    private static func testFiles() throws -> [String: String] {
        let folder = "\(SwiftSource.root)/Tests"
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix("Tests.swift") }
        return try Dictionary(
            paths.map { path in
                let name = path.split(separator: "/").last ?? ""
                return (String(name.dropLast(".swift".count)), try text("Tests/\(path)"))
            }, uniquingKeysWith: +)
    }

    @Test("each test that the threat model names is there, with the words of its name")
    func threats() throws {
        let files = try Self.testFiles()
        let targets = Set(try FileManager.default.contentsOfDirectory(atPath: "\(SwiftSource.root)/Tests"))
        var count = 0
        for row in try Self.rows("docs/threat-model.md") {
            guard let tests = row.last, tests.contains("Tests`") else { continue }
            var name = ""
            for (index, part) in tests.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
                if index % 2 == 1 {
                    name = String(part)
                    #expect(files[name] != nil || targets.contains(name), "no tests \(name)")
                    count += 1
                } else if let file = files[name] {
                    for phrase in part.split(whereSeparator: { ",;".contains($0) }) {
                        let words = phrase.split(separator: " ").joined(separator: " ")
                        #expect(words.isEmpty || file.contains(words), "\(name) has no test \"\(words)\"")
                    }
                }
            }
        }
        #expect(count > 40)
    }

    @Test("each limit that the threat model names is declared")
    func limits() throws {
        var declared: Set<String> = []
        for target in ["TwisterHTTP", "TwisterWeb", "TwisterIO", "TwisterCodec"] {
            for source in try SwiftSource.all(in: target) { declared.formUnion(source.words) }
        }
        var count = 0
        for row in try Self.rows("docs/threat-model.md") where row.count > 2 {
            for code in Self.codes(in: row[1]) where code.first?.isLowercase == true {
                let names = code.split { !($0.isLetter || $0.isNumber) }
                guard names.allSatisfy({ $0.allSatisfy(\.isLetter) }), !code.contains(" ") else { continue }
                for name in names where name.contains(where: \.isUppercase) {
                    count += 1
                    #expect(declared.contains(String(name)), "\(code)")
                }
            }
        }
        #expect(count > 20)
    }
}
