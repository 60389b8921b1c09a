import HTTPTypes
import Synchronization
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

private actor Counter {
    var count = 0
    func next() -> Int {
        count += 1
        return count
    }
}

/// Keeps the handlers of past requests.
private final class Shelf: @unchecked Sendable {
    // Used on one loop's thread only.
    var handlers: [RequestHandler] = []
}

@Suite("Handlers on their loop", .serialized)
struct HandlerExecutionTests {
    /// Whether the code runs on the thread of the handler's loop.
    private static func isHome(_ handler: RequestHandler) -> Bool {
        handler.loop === IOLoop.currentIfAny && handler.loop.isCurrentThread
    }

    @Test("S-13: whatever a handler awaits comes back to its loop's thread", arguments: testedBackends)
    func comesBack(backend: IOBackend) async throws {
        let counter = Counter()
        let awaited: [(String, @Sendable (RequestHandler) async throws -> Void)] = [
            ("nothing", { _ in }),
            ("yield", { _ in await Task.yield() }),
            ("loop's sleep", { try await $0.sleep(for: .milliseconds(1)) }),
            ("Task.sleep", { _ in try await Task.sleep(for: .milliseconds(1)) }),
            ("actor", { _ in _ = await counter.next() }),
            ("main actor", { _ in await MainActor.run {} }),
            ("detached task", { _ in await Task.detached { await Task.yield() }.value }),
            (
                "async let",
                { _ in
                    async let first = counter.next()
                    async let second = counter.next()
                    _ = await first + second
                }
            ),
            (
                "task group",
                { _ in
                    await withTaskGroup(of: Int.self) { group in
                        for _ in 0..<3 { group.addTask { await counter.next() } }
                        for await _ in group {}
                    }
                }
            ),
            (
                "failing task group",
                { _ in
                    try? await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { throw CancellationError() }
                        group.addTask { try await Task.sleep(for: .seconds(30)) }
                        try await group.next()
                    }
                }
            ),
            ("executor", { handler in _ = try await handler.loop.runInExecutor { 1 } }),
            (
                "continuation",
                { _ in
                    await withCheckedContinuation { continuation in Task.detached { continuation.resume() } }
                }
            ),
            ("flush", { try await $0.flush() }),
        ]
        let application = try Application([
            URLSpec(.get, "/") { handler in
                var strays: [String] = Self.isHome(handler) ? [] : ["begin"]
                for (name, wait) in awaited {
                    try await wait(handler)
                    if !Self.isHome(handler) { strays.append(name) }
                }
                handler.write(strays.isEmpty ? "always home" : "away after \(strays)")
            }
        ])
        try await withServer(backend, application, loops: 2) { port in
            for _ in 0..<4 {
                let client = try TestClient(port: port)
                for _ in 0..<5 { #expect(try client.get("/").text == "always home") }
            }
        }
    }

    @Test(
        "handlers that wait do not hold up others, and each response goes to its own client", arguments: testedBackends)
    func concurrency(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/wait/([0-9]+)") { handler in
                try await handler.sleep(for: .milliseconds(200))
                handler.write(handler.pathArguments[0] ?? "")
            },
            URLSpec(.get, "/now") { $0.write("now") },
        ])
        try await withServer(backend, application) { port in
            let start = ContinuousClock.now
            let waiting = try (0..<150).map { _ in try TestClient(port: port) }
            for (index, client) in waiting.enumerated() {
                try client.send("GET /wait/\(index) HTTP/1.1\r\nHost: a\r\n\r\n")
            }
            #expect(try TestClient(port: port).get("/now").text == "now")
            for (index, client) in waiting.enumerated() { #expect(try client.receiveResponse().text == "\(index)") }
            // One after the other they would take thirty seconds.
            #expect(start.duration(to: .now) < .seconds(15))
        }
    }

    @Test(
        "a handler that is kept does not disturb later requests, and its own request stays as it was",
        arguments: testedBackends)
    func kept(backend: IOBackend) async throws {
        let shelf = Shelf()
        let application = try Application([
            URLSpec(.get, "/kept") { handler in
                let lines = shelf.handlers.map { old in
                    "\(old.request.uri) \(String(decoding: old.request.body, as: UTF8.self)) \(old.isFinished)"
                }
                shelf.handlers = []
                handler.write(lines.joined(separator: "\n"))
            },
            URLSpec(.post, "/([a-z]+)") { handler in
                for old in shelf.handlers {
                    old.write("from the past")
                    try? old.setHeader(.eTag, "past")
                    old.setStatus(.badGateway)
                    old.finish()
                    try? await old.flush()
                }
                handler.write(handler.request.body)
                shelf.handlers.append(handler)
            },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for word in ["one", "two", "three"] {
                let response = try client.ask(
                    "POST /\(word) HTTP/1.1\r\nHost: a\r\nContent-Length: \(word.utf8.count)\r\n\r\n\(word)")
                #expect(response.status == 200 && response.text == word && response.field("ETag") == nil)
            }
            #expect(try client.get("/kept").text == "/one one true\n/two two true\n/three three true")
            #expect(try client.get("/kept").text == "")
        }
    }

    @Test("each request has a handler of its own", arguments: testedBackends)
    func fresh(backend: IOBackend) async throws {
        final class Counting: RequestHandler {
            private var count = 0
            override func get() async throws {
                count += 1
                await Task.yield()
                write("\(count)")
            }
        }
        try await withServer(backend, try Application([URLSpec("/", Counting.self)])) { port in
            let client = try TestClient(port: port)
            let pipelined = String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 10)
            try client.send(pipelined)
            for _ in 0..<10 { #expect(try client.receiveResponse().text == "1") }
        }
    }

    @Test("a handler that is kept keeps its application, when server and loop are released", arguments: testedBackends)
    func keptApplication(backend: IOBackend) async throws {
        let shelf = Shelf()
        weak var application: Application?
        do {
            let mortal = try Application([
                URLSpec(.get, "/kept/([a-z]+)", name: "kept") { shelf.handlers.append($0) }
            ])
            application = mortal
            try await withServer(backend, mortal) { port in
                let response = try TestClient(port: port).get("/kept/a")
                #expect(response.status == 200)
            }
        }
        #expect(application != nil)
        let path = try shelf.handlers.first?.application.reverseURL("kept", "b")
        #expect(path == "/kept/b")
        #expect(shelf.handlers.first?.pathArguments[0] == "a")
        shelf.handlers = []
        #expect(application == nil)
    }
}
