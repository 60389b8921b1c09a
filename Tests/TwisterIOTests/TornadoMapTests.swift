import Glibc
import Testing

/// `docs/tornado-map.md` promises names: each one that it gives on the right is declared somewhere under `Sources/`.
struct TornadoMapTests {
    private static let root = String(#filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 })

    /// Parts of the language and its library, and words of sentences, which are not ours to declare.
    private static let foreign: Set<String> = [
        "TaskExecutor", "AsyncSequence", "Result", "ValueError", "all_fds", "multi", "instance=False",
        "withThrowingTaskGroup", "await", "async",
    ]

    @Test("The map's names exist")
    func names() throws {
        let declared = Self.declaredNames()
        #expect(declared.count > 300, "the sources were found")
        let map = Self.contents(of: Self.root + "/docs/tornado-map.md")
        let rows = map.split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.count > 90)
        var missing: [String] = []
        for row in rows {
            let cells = row.split(separator: "|")
            #expect(cells.count == 2, "\(row)")
            guard let here = cells.last else { continue }
            for name in Self.names(in: here) where !Self.foreign.contains(name) {
                let isDeclared = name.split(separator: ".").allSatisfy { declared.contains(String($0)) }
                if !isDeclared { missing.append(name) }
            }
        }
        #expect(missing == [])
    }

    /// What stands in backticks and is one name, dotted or not.
    private static func names(in cell: Substring) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
            .filter { $0.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" || $0 == "=" } }
    }

    /// Names after `func`, `var`, `class` and so on, and the labels of parameters.
    private static func declaredNames() -> Set<String> {
        let keywords: Set<Substring> = [
            "func", "var", "let", "class", "struct", "enum", "protocol", "case", "typealias", "actor",
        ]
        var names: Set<String> = []
        for file in swiftFiles(under: root + "/Sources") {
            for line in contents(of: file).split(separator: "\n") where !line.contains("///") {
                let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
                for (keyword, name) in zip(words, words.dropFirst()) where keywords.contains(keyword) {
                    names.insert(String(name))
                }
                if line.contains("func ") || line.contains("init(") {
                    let labels = line.split { "( ,".contains($0) }.filter { $0.hasSuffix(":") }
                    names.formUnion(labels.map { String($0.dropLast()) })
                }
            }
        }
        return names
    }

    private static func swiftFiles(under folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var files: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") { continue }
            let path = folder + "/" + name
            if name.hasSuffix(".swift") { files.append(path) } else { files += swiftFiles(under: path) }
        }
        return files
    }

    private static func contents(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
