import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// N-19: all connections together hold no more than they may.
@Suite(
    .serialized,
    .disabled(
        if: TestClient.speaksHTTP2, "responses of HTTP/2 wait for windows and count; HTTP2LimitTests has its budget"))
struct ByteBudgetTests {
    private static func head(_ length: Int) -> String {
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n"
    }

    @Test(
        "N-19: over the budget reading pauses, then the newest is given up, and the others go on",
        arguments: testedBackends)
    func sheds(_ backend: IOBackend) async throws {
        let echo = Echo()
        try await withServer(backend, echo, loops: 1) {
            $0.maxBufferedBytes = 1_000_000
        } _: { port in
            // Each of them alone is within the budget; together they are not.
            let half = [UInt8](repeating: 120, count: 600_000)
            let older = try TestClient(port: port)
            try older.send(Self.head(700_000))
            try older.send(half)
            try await Task.sleep(for: .milliseconds(50))
            let newer = try TestClient(port: port)
            try newer.send(Self.head(700_000))
            try newer.send(half)
            #expect(try TestClient(port: port).get("/ping").status == 200, "small requests go on")
            let refused = try newer.receiveResponse()
            #expect(refused.status == 503)
            #expect(refused.field("Retry-After") == "1")
            try older.send([UInt8](repeating: 121, count: 100_000))
            let response = try older.receiveResponse()
            #expect(response.status == 200)
            #expect(response.body.count == 700_000 + 10)
            // What they held is free again.
            let third = try TestClient(port: port)
            let body = String(repeating: "z", count: 900_000)
            for _ in 0..<3 { #expect(try third.ask(Self.head(900_000) + body).body.count == 900_010) }
        }
    }

    @Test("N-19: clients that don't read their responses are counted", arguments: testedBackends)
    func unreadResponses(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) {
            $0.maxBufferedBytes = 20_000_000
        } _: { port in
            let lazy = try TestClient(port: port)
            #expect(try lazy.get("/").status == 200)
            let newer = try TestClient(port: port)
            try newer.send(Self.head(13_000_000))
            try newer.send([UInt8](repeating: 121, count: 12_000_000))
            try await Task.sleep(for: .milliseconds(50))
            // More than the two may hold, whatever the kernel takes of it.
            try lazy.send("GET /big?19900000 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try newer.receiveResponse().status == 503)
            #expect(try lazy.receiveResponse().body.count == 19_900_000, "the older one keeps its response")
            let again = try TestClient(port: port)
            #expect(try again.ask(Self.head(50_000) + String(repeating: "y", count: 50_000)).status == 200)
        }
    }
}
