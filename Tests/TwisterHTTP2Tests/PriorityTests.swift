import Testing
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport

@Suite("HTTP/2: priorities (RFC 9218)")
struct PriorityTests {
    /// Two responses wait for the window of the connection. Returns the stream that gets it.
    private func winner(
        _ port: UInt16, _ priorities: (String, String), update: (UInt32, String)? = nil,
        early: [(UInt32, String)] = []
    ) throws -> UInt32 {
        let client = try FrameClient(port: port)
        client.opensWindows = false
        // Uses the connection's window up.
        #expect(try client.ask(1, "GET", "/big?65535").body.count == 65_535)
        for (stream, priority) in early { try client.updatePriority(stream, priority) }
        try client.headers(3, FrameClient.request("GET", "/big?20000", [("priority", priorities.0)]))
        try client.headers(5, FrameClient.request("GET", "/big?20000", [("priority", priorities.1)]))
        if let (stream, priority) = update { try client.updatePriority(stream, priority) }
        try client.receive { client.partial(3).status != nil && client.partial(5).status != nil }
        try client.ping()
        try client.openWindow(0, 10_000)
        try client.receive { !client.partial(3).body.isEmpty || !client.partial(5).body.isEmpty }
        try client.ping()
        let (three, five) = (client.partial(3).body.count, client.partial(5).body.count)
        #expect(three + five == 10_000)
        return three > five ? 3 : 5
    }

    @Test("the more urgent response goes first; PRIORITY_UPDATE changes it", arguments: testedBackends)
    func urgency(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let later = try winner(port, ("u=7", "u=1"))
            let earlier = try winner(port, ("u=1", "u=7"))
            let updated = try winner(port, ("u=7", "u=1"), update: (3, "u=0"))
            #expect([later, earlier, updated] == [5, 3, 3])
        }
    }

    @Test(
        "PRIORITY_UPDATE before its request holds, whatever the request says (RFC 9218, 7.1)", arguments: testedBackends
    )
    func earlyUpdate(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let raised = try winner(port, ("u=7", "u=1"), early: [(3, "u=0")])
            let lowered = try winner(port, ("u=1", "u=7"), early: [(5, "u=2"), (3, "u=7")])
            let last = try winner(port, ("u=7", "u=1"), early: [(3, "u=7"), (3, "u=0")])
            let changed = try winner(port, ("u=1", "u=5"), update: (3, "u=7"), early: [(3, "u=0")])
            // Of no request under way, and of one that may come.
            let others = try winner(port, ("u=1", "u=7"), early: [(1, "u=0"), (7, "u=0")])
            #expect([raised, lowered, last, changed, others] == [3, 5, 3, 5, 3])
        }
    }

    @Test(
        "a stream that more urgent ones pass over has its turn after a second, and then waits again",
        arguments: testedBackends)
    func age(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            for (urgent, other) in [("u=1", "u=3"), ("u=0", "u=7"), ("u=0, i", "u=7, i")] {
                let client = try FrameClient(port: port, settings: [(4, 1 << 30)])
                client.opensWindows = false
                try client.headers(1, FrameClient.request("GET", "/endless", [("priority", urgent)]))
                try client.receive { client.partial(1).body.count == 65_535 }
                try client.headers(3, FrameClient.request("GET", "/big?2000000", [("priority", other)]))
                try await client.openWindows { client.partial(3).body.count > 0 }
                // Only a piece of it is sent.
                let before = client.partial(1).body.count
                try await client.openWindows { client.partial(1).body.count > before + 20_000 }
                #expect((1...1_000_000).contains(client.partial(3).body.count), "\(urgent)")
                try client.headers(5, FrameClient.request("GET", "/big?1000", [("priority", "u=0")]))
                try await client.openWindows { client.hasEnded(5) }
                #expect(!client.hasEnded(3) && client.partial(1).reset == nil)
            }
        }
    }

    @Test("the server says that the priorities of RFC 7540 do not hold", arguments: testedBackends)
    func setting(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let client = try FrameClient(port: port)
            try client.ping()
            let settings = client.others.first { $0.type == FrameClient.FrameType.settings }?.payload ?? []
            let entries = stride(from: 0, to: settings.count, by: 6).map { Array(settings[$0..<($0 + 6)]) }
            #expect(entries.contains([0, 9, 0, 0, 0, 1]))
        }
    }
}

extension FrameClient {
    func updatePriority(_ stream: UInt32, _ priority: String) throws {
        try send(FrameType.priorityUpdate, payload: Self.number(stream) + Array(priority.utf8))
    }

    /// Opens the window of the connection in small steps until `condition` holds, at most for a minute.
    func openWindows(until condition: () -> Bool) async throws {
        let start = ContinuousClock.now
        while !condition() {
            guard ContinuousClock.now - start < .seconds(60) else { throw TestFailure("the stream has no turn") }
            try openWindow(0, 4096)
            try ping()
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
