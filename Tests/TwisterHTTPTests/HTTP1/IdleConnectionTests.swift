import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterHTTP
@testable import TwisterIO

/// Fault 9: a connection that waits for a request holds nothing of those before.
@Suite("Idle connections", .serialized, .disabled(if: TestClient.speaksHTTP2, "what a connection of HTTP/1.1 holds"))
struct IdleConnectionTests {
    /// What the server's only connection holds.
    private struct Holding: Equatable {
        var hasExchange = false
        var hasRareState = false
        var unread = 0
        var output = 0
        var hasRareStreamState = false
    }

    private static func holding(_ group: HTTPServerGroup) async throws -> Holding? {
        let server = try #require(group.servers.first)
        return try await server.value.loop.perform {
            guard let connection = server.value.context.connections.all.first as? HTTP1ServerConnection else {
                return nil
            }
            return Holding(
                hasExchange: connection.exchange != nil, hasRareState: connection.rare != nil,
                unread: connection.stream.unconsumedCount, output: connection.stream.outputCount,
                hasRareStreamState: connection.stream.rare != nil)
        }
    }

    /// Bytes of memory that malloc has given for an object. (Glibc's module leaves malloc.h out.)
    private static func usableSize(_ object: AnyObject) -> Int {
        guard let symbol = dlsym(nil, "malloc_usable_size") else { return .max }
        let usableSize = unsafeBitCast(symbol, to: (@convention(c) (UnsafeMutableRawPointer) -> Int).self)
        return usableSize(Unmanaged.passUnretained(object).toOpaque())
    }

    private static let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

    /// What clients do before they are idle, and how many responses they get.
    private static let courses: [(name: String, text: String, responses: Int)] = [
        ("nothing", "", 0),
        ("a request", get, 1),
        ("100 pipelined requests", String(repeating: get, count: 100), 100),
        ("a head of 32 KiB", "GET /a HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 32_000))\r\n\r\n", 1),
        (
            "a browser's cookies",
            "GET /a HTTP/1.1\r\nHost: a\r\n" + String(repeating: "Cookie: a=b\r\n", count: 50) + "\r\n", 1
        ),
        (
            "a body of 64 KiB",
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n" + String(repeating: "b", count: 65_536), 1
        ),
        (
            "a streamed body of 64 KiB",
            "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n" + String(repeating: "b", count: 65_536),
            1
        ),
        (
            "a chunked body",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: y\r\n\r\n", 1
        ),
        ("a body that nobody reads", "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789", 1),
        ("a handler that waits", "GET /sleep?20 HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        ("a chunked response", "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        ("empty lines", "\r\n\r\n\r\n", 0),
        ("a request and empty lines", get + "\r\n\r\n", 1),
    ]

    @Test("fault 9: an idle connection holds no exchange and no bytes", arguments: testedBackends)
    func holdsNothing(_ backend: IOBackend) async throws {
        for course in Self.courses {
            try await withServers(backend, Echo()) { group in
                let client = try TestClient(port: group.port ?? 0)
                try client.send(course.text)
                for _ in 0..<course.responses { #expect(try client.receiveResponse().status == 200) }
                if course.responses == 0 { try await Task.sleep(for: .milliseconds(50)) }
                // Empty lines lie unread until a request follows them, or not: they hold no exchange either way. A
                // stream's filter is part of its rare state.
                try await eventually("\(course.name): idle") {
                    let holding = try await Self.holding(group)
                    return holding?.hasExchange == false && holding?.output == 0
                        && (holding?.unread ?? .max) <= 6 && holding?.hasRareStreamState == TestFilter.isOn
                }
                // It still serves.
                #expect(try client.ask(Self.get).status == 200)
                try await eventually("\(course.name): idle again") {
                    let holding = try await Self.holding(group)
                    return holding?.hasExchange == false && holding?.unread == 0
                }
            }
        }
    }

    @Test("fault 9: exchanges of a burst are not kept for ever", arguments: testedBackends)
    func burst(_ backend: IOBackend) async throws {
        try await withServers(backend, Echo()) { group in
            let server = try #require(group.servers.first)
            let clients = try (0..<300).map { _ in try TestClient(port: group.port ?? 0) }
            for client in clients { try client.send("GET /sleep?300 HTTP/1.1\r\nHost: a\r\n\r\n") }
            for client in clients { #expect(try client.receiveResponse().status == 200) }
            try await eventually("all are idle") {
                try await server.value.loop.perform {
                    server.value.context.connections.all.allSatisfy { ($0 as? HTTP1ServerConnection)?.exchange == nil }
                }
            }
            #expect(try await server.value.loop.perform { server.value.context.connections.count } == 300)
        }
    }

    @Test(
        "an unread body's rest and an empty line behind it, while no more exchanges are kept", arguments: testedBackends
    )
    func emptyLineWithFullPool(_ backend: IOBackend) async throws {
        let (crowd, waiting) = (80, ConditionLock(0))
        let responding = Responding(delivery: .streamed(limit: nil)) { request in
            if request.path == "/crowd" {
                waiting.withLock { $0 += 1 }
                // All of them have an exchange at the same time.
                while waiting.withLock({ $0 }) < crowd {
                    try await request.connection.loop.sleep(for: .milliseconds(5))
                }
            }
            request.connection.write("responded")
        }
        try await withServers(backend, responding) { group in
            let server = try #require(group.servers.first)
            func areIdle() async throws -> Bool {
                try await server.value.loop.perform {
                    server.value.context.connections.all.allSatisfy { ($0 as? HTTP1ServerConnection)?.exchange == nil }
                }
            }
            let unread = try (0..<4).map { _ in try TestClient(port: group.port ?? 0) }
            for client in unread {
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
                #expect(try client.receiveResponse().status == 200)
            }
            let clients = try (0..<crowd).map { _ in try TestClient(port: group.port ?? 0) }
            for client in clients { try client.send("GET /crowd HTTP/1.1\r\nHost: a\r\n\r\n") }
            for client in clients { #expect(try client.receiveResponse().status == 200) }
            for client in unread { try client.send("cde\r\n") }
            try await eventually("all are idle", areIdle)
            for client in unread { #expect(try client.ask(Self.get).text == "responded") }
        }
    }

    @Test("fault 9: a connection and its stream are as small as they are said to be", arguments: testedBackends)
    func sizes(_ backend: IOBackend) async throws {
        try await withServers(backend, Echo()) { group in
            let clients = try (0..<30).map { _ in try TestClient(port: group.port ?? 0) }
            for client in clients { #expect(try client.ask(Self.get).status == 200) }
            let server = try #require(group.servers.first)
            let sizes = try await server.value.loop.perform {
                server.value.context.connections.all.compactMap { connection in
                    (connection as? HTTP1ServerConnection).map {
                        (connection: Self.usableSize($0), stream: Self.usableSize($0.stream))
                    }
                }
            }
            #expect(sizes.count == clients.count)
            // malloc gives 8 bytes less than a multiple of 16, and sometimes a larger piece that it cannot divide: these are
            // the sizes of 96 and of 128 bytes.
            #expect(sizes.map(\.connection).min() ?? .max <= 104)
            #expect(sizes.map(\.stream).min() ?? .max <= 136)
        }
    }
}
