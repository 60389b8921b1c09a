import FoundationEssentials
import Testing

/// The house's walls: arrows point down only. SwiftPM lets a target import what it depends on through another one; this
/// does not.
@Suite("Imports")
struct ImportWallTests {
    /// What each target of `Sources` may import.
    private static let allowed: [String: Set<String>] = [
        "TwisterCompression": ["CZlib"],
        "TwisterIO": ["CReactor", "Glibc", "Logging", "Synchronization"],
        "TwisterCodec": ["HTTPTypes"],
        "TwisterHTTP": [
            "Glibc", "HTTPTypes", "Logging", "Synchronization", "TwisterCodec", "TwisterCompression", "TwisterIO",
        ],
        "TwisterWeb": [
            "FoundationEssentials", "HTTPTypes", "Logging", "Synchronization", "TwisterCodec", "TwisterHTTP",
            "TwisterIO", "_StringProcessing",
        ],
        "Twister": [
            "ArgumentParser", "HTTPTypes", "Logging", "ServiceLifecycle", "TwisterCodec", "TwisterHTTP", "TwisterIO",
            "TwisterWeb", "UnixSignals",
        ],
        // What an application sees: the public face, or the floor that it shows.
        "Examples": ["ArgumentParser", "Glibc", "Synchronization", "Twister", "TwisterIO"],
    ]

    /// Modules that a single file may import.
    private static let soleImporters = ["CReactor": "TwisterIO/Reactor.swift"]

    private static let sources =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/Sources"

    @Test("every folder of Sources has a list, and every list a folder")
    func folders() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.sources)
            .filter { !Self.swiftFiles(in: $0).isEmpty }
        #expect(Set(folders) == Set(Self.allowed.keys))
    }

    @Test("a target imports only what its list allows", arguments: allowed.keys.sorted())
    func list(target: String) throws {
        let list = try #require(Self.allowed[target])
        for file in Self.swiftFiles(in: target) {
            for module in try Self.imports(of: file) {
                #expect(list.contains(module), "\(file) imports \(module)")
                if let sole = Self.soleImporters[module] { #expect(file == sole, "\(file) imports \(module)") }
            }
        }
    }

    @Test("no list names a floor above its own; Codec and IO do not know each other, nor Foundation")
    func order() {
        let floors = ["TwisterCompression", "TwisterIO", "TwisterCodec", "TwisterHTTP", "TwisterWeb", "Twister"]
        for (index, floor) in floors.enumerated() {
            #expect(Self.allowed[floor]?.isDisjoint(with: floors[index...]) == true, "\(floor)")
        }
        #expect(Self.allowed["TwisterCodec"]?.contains("TwisterIO") == false)
        for floor in ["TwisterIO", "TwisterCodec", "TwisterHTTP"] {
            #expect(Self.allowed[floor]?.contains { $0.hasPrefix("Foundation") } == false, "\(floor)")
        }
    }

    @Test("imports are found in all their forms")
    func forms() {
        let text = """
            import A
            public import B
            @_exported public import C
            @testable import struct D.Type
              @preconcurrency import E // why
            // import F
            let important = 1
            import func G.function
            """
        #expect(Self.imports(in: text) == ["A", "B", "C", "D", "E", "G"])
    }

    // MARK: Reading the sources

    /// Paths below `Sources`.
    private static func swiftFiles(in target: String) -> [String] {
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: "\(sources)/\(target)") else {
            return []
        }
        return names.filter { $0.hasSuffix(".swift") }.map { "\(target)/\($0)" }
    }

    private static func imports(of file: String) throws -> [String] {
        imports(in: try String(contentsOfFile: "\(sources)/\(file)", encoding: .utf8))
    }

    private static func imports(in text: String) -> [String] {
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
        let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
        return text.split(separator: "\n").compactMap { line in
            var words = line.split(separator: " ")[...]
            while let word = words.first, word.hasPrefix("@") || modifiers.contains(word) { words.removeFirst() }
            guard words.popFirst() == "import", var name = words.popFirst() else { return nil }
            if kinds.contains(name), let next = words.popFirst() { name = next }
            return String(name.prefix { $0 != "." && $0 != ";" })
        }
    }
}
