import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

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
        "N-19: over the budget reading pauses, then the slowest client is given up, and the others go on",
        arguments: testedBackends)
    func sheds(_ backend: IOBackend) async throws {
        let echo = Echo()
        try await withServer(backend, echo, loops: 1) {
            $0.maxBufferedBytes = 1_000_000
        } _: { port in
            // Each of them alone is within the budget; together they are not.
            let slow = try TestClient(port: port)
            try slow.send(Self.head(700_000))
            for _ in 0..<6 {
                try slow.send([UInt8](repeating: 120, count: 100_000))
                try await Task.sleep(for: .milliseconds(100))
            }
            let fast = try TestClient(port: port)
            try fast.send(Self.head(700_000))
            try fast.send([UInt8](repeating: 120, count: 600_000))
            #expect(try TestClient(port: port).get("/ping").status == 200, "small requests go on")
            let refused = try slow.receiveResponse()
            #expect(refused.status == 503)
            #expect(refused.field("Retry-After") == "1")
            try fast.send([UInt8](repeating: 121, count: 100_000))
            let response = try fast.receiveResponse()
            #expect(response.status == 200)
            #expect(response.body.count == 700_000 + 10)
            // What they held is free again.
            let third = try TestClient(port: port)
            let body = String(repeating: "z", count: 900_000)
            for _ in 0..<3 { #expect(try third.ask(Self.head(900_000) + body).body.count == 900_010) }
        }
    }

    /// Uploads that fill a budget of 4 MB but for 100,000 bytes, and then go on as `goOn` says; meanwhile, others upload 1
    /// MB each.
    private func fill(
        _ backend: IOBackend, wait: Duration, _ goOn: @escaping @Sendable (TestClient) throws -> Void
    ) async throws {
        try await withServer(backend, Echo(), loops: 1) {
            $0.maxBufferedBytes = 4_000_000
        } _: { port in
            let attackers = try (0..<13).map { _ in try TestClient(port: port) }
            for attacker in attackers {
                try attacker.send(Self.head(50_000_000))
                try attacker.send([UInt8](repeating: 120, count: 300_000))
            }
            let isOver = Notes()
            // A server that has given an attacker up resets its connection.
            let held = LoopHeld(attackers)
            let attack = Task.detached {
                while isOver.all.isEmpty {
                    for attacker in held.value { try? goOn(attacker) }
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            try await Task.sleep(for: wait)
            let honest = String(repeating: "y", count: 1_000_000)
            for _ in 0..<3 {
                let response = try TestClient(port: port).ask(Self.head(1_000_000) + honest)
                #expect(response.status == 200)
                #expect(response.body.count == 1_000_010)
            }
            isOver.note("over")
            _ = await attack.result
        }
    }

    @Test(
        "N-19: uploads that fill the budget and stand still make room for one that goes on", arguments: testedBackends)
    func standStill(_ backend: IOBackend) async throws { try await fill(backend, wait: .milliseconds(1300)) { _ in } }

    @Test("N-19: uploads that trickle under the least rate stand still", arguments: testedBackends)
    func trickle(_ backend: IOBackend) async throws {
        try await fill(backend, wait: .milliseconds(1300)) { try $0.send("x") }
    }

    @Test("N-19: uploads that trickle over the least rate are slow", arguments: testedBackends)
    func slowTrickle(_ backend: IOBackend) async throws {
        try await fill(backend, wait: .milliseconds(1300)) { try $0.send(String(repeating: "x", count: 100)) }
    }

    @Test("N-19: uploads that stand still on one loop make room for one on another loop", arguments: testedBackends)
    func otherLoop(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo(), loops: 2) {
            $0.maxBufferedBytes = 2_000_000
        } _: { port in
            // The kernel spreads the connections; the server tells which loop has which one.
            var clients: [String: [TestClient]] = [:]
            try await eventually("a loop has seven clients, and the other one has one") {
                let client = try TestClient(port: port)
                clients[try client.get("/loop").text, default: []].append(client)
                return clients.count == 2 && clients.values.contains { $0.count >= 7 }
            }
            let ordered = clients.values.sorted { $0.count > $1.count }
            for attacker in ordered[0].prefix(7) {
                try attacker.send(Self.head(600_000))
                try attacker.send([UInt8](repeating: 120, count: 280_000))
            }
            try await Task.sleep(for: .milliseconds(1300))
            let honest = String(repeating: "y", count: 900_000)
            #expect(try ordered[1][0].ask(Self.head(900_000) + honest).status == 200)
        }
    }

    @Test("N-19: clients that don't read their responses are counted", arguments: testedBackends)
    func unreadResponses(_ backend: IOBackend) async throws {
        try await withServers(backend, Echo()) {
            $0.maxBufferedBytes = 20_000_000
        } _: { servers in
            let port = servers.port ?? 0
            let budget = try #require(servers.servers.first).value.context.budget.budget
            let lazy = try TestClient(port: port)
            #expect(try lazy.get("/").status == 200)
            let newer = try TestClient(port: port)
            try newer.send(Self.head(13_000_000))
            try newer.send([UInt8](repeating: 121, count: 12_000_000))
            try await eventually("what was sent is read") { budget.held > 11_000_000 }
            // More than the two may hold, whatever the kernel takes of it.
            try lazy.send("GET /big?19900000 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try newer.receiveResponse().status == 503)
            #expect(try lazy.receiveResponse().body.count == 19_900_000, "the older one keeps its response")
            let again = try TestClient(port: port)
            #expect(try again.ask(Self.head(50_000) + String(repeating: "y", count: 50_000)).status == 200)
        }
    }
}
