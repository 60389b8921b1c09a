import Testing
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport

@Suite("HTTP/2: shutdown")
struct HTTP2ShutdownTests {
    @Test("X-1: GOAWAY in two steps; requests under way and on their way are served", arguments: testedBackends)
    func drain(backend: IOBackend) async throws {
        let probe = Probe()
        var configuration = HTTPServer.Configuration.tested
        configuration.http2 = HTTP2Configuration()
        let servers = try await HTTPServerGroup(
            delegate: probe, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: configuration)
        let client = try FrameClient(port: servers.port ?? 0)
        try client.headers(1, FrameClient.request("GET", "/sleep?600"))
        try await probe.notes.wait(for: 1)
        let shutdown = Task.detached { await servers.shutdown(deadline: .seconds(10)) }
        try client.receive { client.goAway != nil }
        #expect(client.goAway?.payload.prefix(4) == [0x7F, 0xFF, 0xFF, 0xFF])
        #expect(client.goAway?.error == FrameClient.Code.noError)
        // It was on its way.
        #expect(try client.ask(3, "GET", "/version").status == 200)
        #expect(try client.response(1).text == "slept")
        #expect(try client.connectionError() == FrameClient.Code.noError)
        #expect(client.goAway?.payload.prefix(4) == [0, 0, 0, 3])
        let result = await shutdown.value
        #expect(result.isClean)
        #expect(probe.notes.all.contains("shutdown /sleep"))
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
        let shutdown = Task.detached { await servers.shutdown(deadline: .seconds(20)) }
        try await Task.sleep(for: .milliseconds(700))
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
        #expect(result.cut.count == 2)
        #expect(result.cut.first?.request == "GET /sleep")
        #expect(probe.notes.all.count { $0 == "cancelled" } == 2)
        #expect(probe.notes.all.count { $0 == "ended /sleep" } == 2)
    }
}
