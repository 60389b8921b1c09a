import Glibc
import Synchronization
import Testing
import TwisterIO
import TwisterTestSupport

/// The chat by long polling, with two loops.
@Suite("Chat", .serialized)
struct ChatTests {
    private static func post(_ client: TestClient, _ path: String, _ body: String) throws -> TestClient.Response {
        try client.ask(
            """
            POST /a/message/\(path) HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r
            Content-Length: \(body.utf8.count)\r\n\r\n\(body)
            """)
    }

    /// The bodies and the last id of `{"messages":[{"id":1,"body":"..."}]}`, with the members in any order.
    private static func messages(_ text: String) -> [(id: Int, body: String)] {
        text.split(separator: "{").dropFirst().compactMap { entry in
            let parts = entry.split { "\",:}]".contains($0) }
            guard let id = parts.firstIndex(of: "id"), let body = parts.firstIndex(of: "body") else { return nil }
            return Int(parts[id + 1]).map { ($0, String(parts[body + 1])) }
        }
    }

    /// A client over WebSocket gets what it has missed, what others send, and sends itself.
    private static func checkSocket(_ port: UInt16) throws {
        let poller = try TestClient(port: port)
        #expect(try post(poller, "new", "room=den&body=first").status == 200)
        let socket = try TestClient(port: port)
        try socket.send(
            """
            GET /ws?room=den HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
            """)
        #expect(try socket.receiveResponse().status == 101)
        func text() throws -> String { String(decoding: try socket.receive()?.dropFirst(2) ?? [], as: UTF8.self) }
        #expect(try text() == #"{"id":1,"body":"first"}"#)
        #expect(try post(poller, "new", "room=den&body=second").status == 200)
        #expect(try text() == #"{"id":2,"body":"second"}"#)
        // "third", masked with zeros.
        try socket.send([0x81, 0x85, 0, 0, 0, 0] + Array("third".utf8))
        #expect(try text() == #"{"id":3,"body":"third"}"#)
        #expect(messages(try post(poller, "updates", "room=den&cursor=2").text).map(\.body) == ["third"])
    }

    @Test("DM-1, LK-1: clients of two loops and two rooms get every message, in order", arguments: testedBackends)
    func losesNothing(backend: IOBackend) async throws {
        let server = try ChildProcess("Chat", ["--loops", "2", "--port", "0", "--backend", backend.rawValue])
        let line = try server.line(with: "serving on http://127.0.0.1:")
        #expect(line.contains("2 loop(s)"))
        let port = UInt16(line.split(separator: "http://127.0.0.1:")[1].prefix { $0.isNumber }) ?? 0
        let (each, rooms, writers) = (40, ["lobby", "kitchen"], 2)
        try await withThrowingTaskGroup { tasks in
            for room in rooms {
                for _ in 0..<4 {
                    tasks.addTask {
                        let pool = ExecutorPool(size: 1, name: "reader")
                        defer { pool.shutDown() }
                        let bodies = try await pool.run {
                            let client = try TestClient(port: port)
                            var bodies: [String] = []
                            var cursor = 0
                            while bodies.count < writers * each {
                                let response = try Self.post(client, "updates", "room=\(room)&cursor=\(cursor)")
                                for message in Self.messages(response.text) {
                                    #expect(message.id == cursor + 1)
                                    cursor = message.id
                                    bodies.append(message.body)
                                }
                            }
                            return bodies
                        }
                        #expect(Set(bodies).count == writers * each && bodies.allSatisfy { $0.hasPrefix(room) })
                    }
                }
                for writer in 0..<writers {
                    tasks.addTask {
                        let pool = ExecutorPool(size: 1, name: "writer")
                        defer { pool.shutDown() }
                        try await pool.run {
                            for number in 0..<each {
                                // A connection for each message, so that both loops get some.
                                let client = try TestClient(port: port)
                                let body = "room=\(room)&body=\(room)-\(writer)-\(number)"
                                #expect(try Self.post(client, "new", body).status == 200)
                            }
                        }
                    }
                }
            }
            try await tasks.waitForAll()
        }
        try Self.checkSocket(port)
        let client = try TestClient(port: port)
        #expect(try Self.post(client, "new", "body=").status == 400)
        #expect(try Self.post(client, "updates", "cursor=x").status == 400)
        #expect(try client.get("/").text.contains("textContent"))
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }
}
