import Testing
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

@Suite("HTTP/2: shutdown")
struct HTTP2ShutdownTests {
    @Test("X-1: GOAWAY in two steps; requests under way and on their way are served", arguments: testedBackends)
    func drain(backend: IOBackend) async throws {
        for _ in 0..<20 {
            if try await drained(backend) { return }
        }
        Issue.record("requests on their way are not served, or the machine is too busy")
    }

    /// Returns false where the machine may have held up the client or the server, so that the request came too late: more than
    /// 250 ms after the notice.
    private func drained(_ backend: IOBackend) async throws -> Bool {
        let probe = Probe()
        var configuration = HTTPServer.Configuration.tested
        configuration.http2 = HTTP2Configuration()
        let servers = try await HTTPServerGroup(
            delegate: probe, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: configuration)
        let client = try FrameClient(port: servers.port ?? 0)
        try client.headers(1, FrameClient.request("GET", "/held"))
        try await probe.notes.wait(for: 1)
        let start = ContinuousClock.now
        let shutdown = Task.detached { await servers.shutdown(deadline: .seconds(20)) }
        try client.receive { client.goAway != nil }
        let notice = client.goAway
        // It was on its way.
        try client.headers(3, FrameClient.request("GET", "/version"))
        try client.receive { client.hasEnded(3) || client.goAway?.payload.prefix(4) == [0, 0, 0, 1] }
        let isInTime = client.hasEnded(3) || ContinuousClock.now - start < .milliseconds(250)
        probe.notes.note("release")
        guard isInTime else {
            _ = await shutdown.value
            return false
        }
        #expect(notice?.payload.prefix(4) == [0x7F, 0xFF, 0xFF, 0xFF])
        #expect(notice?.error == FrameClient.Code.noError)
        #expect(try client.response(3).status == 200)
        #expect(try client.response(1).text == "slept")
        #expect(try client.connectionError() == FrameClient.Code.noError)
        #expect(client.goAway?.payload.prefix(4) == [0, 0, 0, 3])
        let result = await shutdown.value
        #expect(result.isClean)
        #expect(probe.notes.all.contains("shutdown /held"))
        return true
    }

    @Test(
        "requests behind the last one that GOAWAY names do not begin, though it waits for a client that does not read",
        arguments: testedBackends)
    func requestsBehindGoAway(backend: IOBackend) async throws {
        let probe = Probe()
        var configuration = HTTPServer.Configuration.tested
        configuration.http2 = HTTP2Configuration()
        let servers = try await HTTPServerGroup(
            delegate: probe, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: configuration)
        let client = try FrameClient(port: servers.port ?? 0, settings: [(4, 1 << 30)], receiveBuffer: 4096)
        client.opensWindows = false
        try client.openWindow(0, 1 << 30)
        // More than the kernel takes: what comes behind it waits in the server.
        try client.headers(1, FrameClient.request("GET", "/big?8000000"))
        try await Task.sleep(for: .milliseconds(300))
        let server = try #require(servers.servers.first)
        let loop = server.value.loop
        try await eventually("the request has begun") { client.socket.hasInput }
        let shutdown = Task.detached { await servers.shutdown(deadline: .seconds(20)) }
        try await eventually("the shutdown has begun") { try await loop.perform { server.value.context.isDraining } }
        // The second GOAWAY comes 250 ms after the first one by the timers of the same loop.
        try await loop.sleep(for: .milliseconds(400))
        try client.headers(3, FrameClient.request("GET", "/sleep?10"))
        try client.headers(5, FrameClient.request("POST", "/count"), end: false)
        try await Task.sleep(for: .milliseconds(300))
        #expect(try client.response(1).body.count == 8_000_000)
        #expect(try client.connectionError() == FrameClient.Code.noError)
        #expect(client.goAway?.payload.prefix(4) == [0, 0, 0, 1])
        #expect(client.partial(3).status == nil && client.partial(5).status == nil)
        #expect(await shutdown.value.isClean)
        #expect(probe.notes.all == ["ended /big"])
    }

    @Test("nor do those that came in one piece with what makes the connection go away", arguments: testedBackends)
    func requestsBesideGoAway(backend: IOBackend) async throws {
        let probe = Probe()
        try await withHTTP2(backend, probe) { port in
            let client = try FrameClient(port: port, settings: [(4, 0)])
            client.opensWindows = false
            try client.headers(1, FrameClient.request("GET", "/close"))
            try client.receive { client.partial(1).status == 200 }
            let next = FrameClient.block(FrameClient.request("GET", "/sleep"))
            try client.send(
                FrameClient.frame(FrameClient.FrameType.reset, stream: 1, payload: FrameClient.number(8))
                    + FrameClient.frame(FrameClient.FrameType.headers, flags: 5, stream: 3, payload: next))
            #expect(try client.connectionError() == FrameClient.Code.noError)
            #expect(client.goAway?.payload.prefix(4) == [0, 0, 0, 1])
        }
        #expect(!probe.notes.all.contains { $0.hasSuffix("/sleep") })
    }

    @Test("handlers that do not end are cancelled at the deadline, and named", arguments: testedBackends)
    func deadline(backend: IOBackend) async throws {
        // The shutdown does not wait for a loop that the machine holds up: then all of it is done again.
        for _ in 0..<20 {
            let probe = Probe()
            var configuration = HTTPServer.Configuration.tested
            configuration.http2 = HTTP2Configuration()
            let servers = try await HTTPServerGroup(
                delegate: probe, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
                loop: IOLoop.Configuration(backend: backend), configuration: configuration)
            let client = try FrameClient(port: servers.port ?? 0)
            for stream: UInt32 in [1, 3] { try client.headers(stream, FrameClient.request("GET", "/sleep")) }
            try await probe.notes.wait(for: 2)
            let result = await servers.shutdown(deadline: .milliseconds(300), grace: .zero)
            guard result.blocked.isEmpty else { continue }
            #expect(result.cut.count == 2)
            #expect(result.cut.first?.request == "GET /sleep")
            #expect(probe.notes.all.count { $0 == "cancelled" } == 2)
            #expect(probe.notes.all.count { $0 == "ended /sleep" } == 2)
            return
        }
        Issue.record("the machine is too busy")
    }
}
