import FoundationEssentials
import Testing

/// The layers of `docs/architecture.md`: a target imports only targets below it, and a type refers only to types that it
/// may know. SwiftPM lets a target import what it depends on through another one; these tests do not.
@Suite("Layers")
struct LayerTests {
    /// What each target of `Sources` may import.
    private static let allowed: [String: Set<String>] = [
        "TwisterCrypto": ["CTwisterOpenSSL"],
        "TwisterCompression": ["CTwisterBrotli", "CTwisterZlib", "CTwisterZstd", "Glibc", "TwisterCodec"],
        "TwisterIO": ["CReactor", "Glibc", "Logging", "Synchronization"],
        "TwisterCodec": ["HTTPTypes"],
        "TwisterHTTP": [
            "Glibc", "HTTPTypes", "Logging", "Synchronization", "TwisterCodec", "TwisterCompression", "TwisterIO",
        ],
        "TwisterTLS": ["CTwisterOpenSSL", "Glibc", "Logging", "TwisterCrypto", "TwisterIO"],
        "TwisterHTTP2": ["CTwisterNghttp2", "HTTPTypes", "Logging", "TwisterCodec", "TwisterHTTP", "TwisterIO"],
        "TwisterWeb": [
            "CTwisterMethodLookup", "FoundationEssentials", "HTTPTypes", "Logging", "Mustache", "Synchronization",
            "TwisterCodec", "TwisterCompression", "TwisterCrypto", "TwisterHTTP", "TwisterIO",
        ],
        "TwisterWebSocket": [
            "FoundationEssentials", "HTTPTypes", "Logging", "Synchronization", "TwisterCodec",
            "TwisterCompression", "TwisterCrypto", "TwisterHTTP", "TwisterIO", "TwisterTLS", "TwisterWeb",
        ],
        "TwisterMetrics": [
            "CoreMetrics", "Glibc", "HTTPTypes", "Logging", "Synchronization", "TwisterCodec", "TwisterHTTP",
            "TwisterIO", "TwisterWeb",
        ],
        "Twister": [
            "ArgumentParser", "Glibc", "HTTPTypes", "Logging", "ServiceLifecycle", "Synchronization", "TwisterCodec",
            "TwisterHTTP", "TwisterHTTP2", "TwisterIO", "TwisterMetrics", "TwisterTLS", "TwisterWeb",
            "TwisterWebSocket",
        ],
        "TwisterTesting": [
            "FoundationEssentials", "Glibc", "HTTPTypes", "TwisterCodec", "TwisterHTTP", "TwisterIO", "TwisterWeb",
        ],
        // A tool of its own; the programs that it serves are other processes.
        "TwisterDev": ["ArgumentParser", "FoundationEssentials", "Glibc", "TwisterIO"],
        // Examples import what an application does: the umbrella, or the one layer that they show.
        // Blog has a database.
        "Examples": [
            "ArgumentParser", "Foundation", "FoundationEssentials", "GRDB", "Glibc", "Synchronization",
            "Twister", "TwisterIO",
        ],
    ]

    /// Modules that a single file, or a single file of each target, may import.
    private static let soleImporters = [
        "CReactor": ["TwisterIO/Reactor.swift"], "CTwisterMethodLookup": ["TwisterWeb/Handler/MethodOverrides.swift"],
    ]

    @Test("every folder of Sources has a list, and every list a folder")
    func folders() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: "\(SwiftSource.root)/Sources")
            .filter { !(try SwiftSource.all(in: $0).isEmpty) }
        #expect(Set(folders) == Set(Self.allowed.keys))
    }

    @Test("a target imports only what its list allows", arguments: allowed.keys.sorted())
    func list(target: String) throws {
        let list = try #require(Self.allowed[target])
        for source in try SwiftSource.all(in: target) {
            let text = try String(contentsOfFile: "\(SwiftSource.root)/Sources/\(source.path)", encoding: .utf8)
            for module in Self.imports(in: text) {
                #expect(list.contains(module), "\(source.path) imports \(module)")
                if let sole = Self.soleImporters[module] {
                    #expect(sole.contains(source.path), "\(source.path) imports \(module)")
                }
            }
        }
    }

    @Test("no list names a layer above its own; Codec and IO do not know each other, nor Foundation")
    func order() {
        let layers = [
            "TwisterCrypto", "TwisterIO", "TwisterTLS", "TwisterCodec", "TwisterCompression", "TwisterHTTP",
            "TwisterHTTP2",
            "TwisterWeb",
            "TwisterWebSocket",
            "TwisterMetrics", "Twister", "TwisterTesting",
        ]
        for (index, layer) in layers.enumerated() {
            #expect(Self.allowed[layer]?.isDisjoint(with: layers[index...]) == true, "\(layer)")
        }
        #expect(Self.allowed["TwisterCodec"]?.contains("TwisterIO") == false)
        for layer in ["TwisterIO", "TwisterTLS", "TwisterCodec", "TwisterCompression", "TwisterHTTP", "TwisterHTTP2"] {
            #expect(Self.allowed[layer]?.contains { $0.hasPrefix("Foundation") } == false, "\(layer)")
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

    // MARK: Which types know which

    /// Fails for each file of `folder`, but for those in `except`, whose code has one of the words.
    private func expect(
        _ folder: String, except: Set<String> = [], mentionsNone words: Set<String>,
        location: SourceLocation = #_sourceLocation
    ) throws {
        let sources = try SwiftSource.all(in: folder).filter { !except.contains($0.path) }
        #expect(!sources.isEmpty, sourceLocation: location)
        for source in sources {
            let found = source.words.intersection(words).sorted().joined(separator: ", ")
            #expect(found.isEmpty, "\(source.path) mentions \(found)", sourceLocation: location)
        }
    }

    private func types(of folder: String) throws -> Set<String> {
        let declarations = try SwiftSource.all(in: folder).flatMap(\.declarations)
        return Set(declarations.filter { $0.keyword != "extension" }.map(\.name))
    }

    @Test("an exchange knows neither HTTP/1.1 nor sockets: what carries it is an ExchangeTransport")
    func exchange() throws {
        let http1 = try types(of: "TwisterHTTP/HTTP1")
        #expect(http1.isSuperset(of: ["HTTP1Connection", "HTTP1ServerConnection", "HTTP1Service"]))
        try expect("TwisterHTTP/Exchange", mentionsNone: http1.union(["ServerConnection", "HTTPServer"]))
        let streams: Set = ["IOStream", "BaseIOStream", "Reactor", "StreamFilter"]
        try expect("TwisterHTTP/Exchange", mentionsNone: streams)
    }

    @Test(
        "a server and its limits know connections as `any ServerConnection`; the server alone makes those of HTTP/1.1")
    func server() throws {
        let http1 = try types(of: "TwisterHTTP/HTTP1")
        try expect("TwisterHTTP/Server", except: ["TwisterHTTP/Server/HTTPServer.swift"], mentionsNone: http1)
        try expect("TwisterHTTP/Limits", mentionsNone: http1)
        let maker = try #require(
            try SwiftSource.all(in: "TwisterHTTP/Server").first { $0.path.hasSuffix("/HTTPServer.swift") })
        #expect(!maker.words.contains("HTTP1Connection"))
    }

    @Test("a handler knows its exchange: no stream, no framing, no connection of a server")
    func handlers() throws {
        let hidden = try types(of: "TwisterHTTP/HTTP1").union(["IOStream", "ServerConnection", "ExchangeTransport"])
        try expect("TwisterWeb", mentionsNone: hidden)
    }

    @Test("loop and streams know nothing of HTTP")
    func io() throws {
        for source in try SwiftSource.all(in: "TwisterIO") {
            let found = source.words.filter { $0.hasPrefix("HTTP") || $0.hasPrefix("Request") }
            #expect(found.isEmpty, "\(source.path) mentions \(found.sorted())")
        }
    }

    @Test("the loop does not know its streams' class, and the reactor neither: both know a handle's owner")
    func loop() throws {
        let streams: Set = ["IOStream", "PipeIOStream", "IOStreamConsumer", "StreamFilter"]
        let loop = try SwiftSource.all(in: "TwisterIO/Loop")
        let reactor = try SwiftSource.all(in: "TwisterIO").filter { $0.path == "TwisterIO/Reactor.swift" }
        #expect(reactor.count == 1)
        for source in loop + reactor {
            #expect(source.words.isDisjoint(with: streams), "\(source.path)")
        }
    }

    @Test("the reactor cannot call up: no function of its header takes a function")
    func reactor() throws {
        let header = try String(
            contentsOfFile: "\(SwiftSource.root)/CReactor/include/reactor.h", encoding: .utf8)
        #expect(header.contains("int reactor_wait("))
        #expect(!header.contains("(*"))
    }

    @Test("the diagram of types in the architecture page draws what the sources say")
    func diagram() throws {
        let page = try String(contentsOfFile: "\(SwiftSource.root)/docs/architecture.md", encoding: .utf8)
        let section = try #require(page.split(separator: "\n## Types\n").dropFirst().first)
        let diagram = try #require(
            section.split(separator: "```mermaid\n").dropFirst().first?.split(separator: "\n```").first)
        var words: [String: Set<String>] = [:]
        for target in Self.allowed.keys {
            for declaration in try SwiftSource.all(in: target).flatMap(\.declarations) {
                words[declaration.name, default: []].formUnion(declaration.words)
            }
        }
        var arrows = 0
        for line in diagram.split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard let first = parts.first, let last = parts.last else { continue }
            if parts.count >= 3, parts[1].hasPrefix("-->") {
                arrows += 1
                #expect(words[String(first)]?.contains(String(last)) == true, "\(first) does not mention \(last)")
            } else if first.hasSuffix(":::planned") {
                let name = String(first.dropLast(":::planned".count))
                #expect(words[name] == nil, "\(name) exists: draw its arrows as solid ones")
            }
        }
        #expect(arrows > 30)
    }

    // MARK: Circles

    /// The most types of a target that may refer to each other in a circle, across files.
    private static let largestCircles = [
        "TwisterCrypto": 0, "TwisterCompression": 0, "TwisterCodec": 0, "TwisterIO": 6, "TwisterHTTP": 2,
        "TwisterHTTP2": 3,
        "TwisterWeb": 4, "TwisterMetrics": 0, "TwisterTLS": 0, "TwisterWebSocket": 3,
        "Twister": 0, "TwisterTesting": 0,
        "Examples": 0, "TwisterDev": 0,
    ]

    @Test("types do not refer to each other in larger circles than these", arguments: largestCircles.keys.sorted())
    func circles(target: String) throws {
        let most = try #require(Self.largestCircles[target])
        let graph = TypeGraph(try SwiftSource.all(in: target))
        #expect(!graph.arrows.isEmpty)
        for circle in graph.circles {
            #expect(circle.count <= most, "\(target), at most \(most): \(graph.description(of: circle))")
        }
    }

    @Test("a circle is found through extensions, and not in comments, texts or one file")
    func circleSearch() {
        let graph = TypeGraph([
            SwiftSource(path: "a", text: "struct A { let b: B } // D\nenum Near { case far(A) }"),
            SwiftSource(path: "b", text: "final class B { struct C {} }\nextension B { func f(_ c: C) {} }"),
            SwiftSource(
                path: "c", text: "protocol C { /* A */ var d: String { get } }\nextension C { var a: A? { nil } }"),
            SwiftSource(
                path: "d", text: #"class D { let text = "A \(B.self) \"C\" "; let long = """# + "\"\"\"\nA\n\"\"\" }"),
        ])
        #expect(graph.arrows["A"] == ["B"])
        #expect(graph.arrows["B"] == ["C"])
        #expect(graph.arrows["C"] == ["A"])
        #expect(graph.arrows["D"] == ["B"])
        #expect(graph.arrows["Near"] == [])
        #expect(graph.circles == [["A", "B", "C"]])
        #expect(graph.description(of: ["A", "B", "C"]).contains("B mentions C"))
    }
}
