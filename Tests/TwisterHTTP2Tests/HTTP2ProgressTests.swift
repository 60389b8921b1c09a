import Testing
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport

/// States in which nothing could go on, since the frame that would have to come cannot come, or does not.
@Suite("HTTP/2: progress")
struct HTTP2ProgressTests {
    private typealias FrameType = FrameClient.FrameType
    private typealias Code = FrameClient.Code

    /// No deadline of the server helps within the time of a test.
    private func withPatientServer(
        _ backend: IOBackend, _ probe: Probe = Probe(), _ body: (UInt16) async throws -> Void
    ) async throws {
        try await withHTTP2(
            backend, probe,
            configure: {
                $0.writeStallTimeout = .seconds(600)
                $0.bodyStallTimeout = .seconds(600)
            }, body)
    }

    @Test(
        "the end of a response needs no window (RFC 9113, 6.9.1), with trailers or without", arguments: testedBackends)
    func endWithoutWindow(backend: IOBackend) async throws {
        try await withPatientServer(backend) { port in
            // The bodies of /stream have six octets, the last written before the end is known; that of /trailers has four.
            let client = try FrameClient(port: port, settings: [(4, 6)])
            client.opensWindows = false
            try client.headers(1, FrameClient.request("GET", "/stream"))
            #expect(try client.response(1).text == "abcdef")
            try client.settings([(4, 4)])
            try client.headers(3, FrameClient.request("GET", "/trailers"))
            let response = try client.response(3)
            #expect(response.text == "body")
            #expect(response.trailers.contains { $0.0 == "x-sum" })
            // The window of the connection is used up by this one.
            try client.settings([(4, 1 << 20)])
            try client.headers(5, FrameClient.request("POST", "/flushed?\(65_535 - 10)"), end: false)
            try client.receive { client.partial(5).body.count == 65_535 - 10 }
            try client.data(5, [], end: true)
            #expect(try client.response(5).reset == nil)
            #expect(try client.ask(7, "GET", "/nothing").status == 204)
        }
    }

    @Test(
        "a client that ends within a body whose handler has not begun is gone", arguments: testedBackends)
    func endWithinBody(backend: IOBackend) async throws {
        let probe = Probe()
        try await withPatientServer(backend, probe) { port in
            for path in ["/count", "/slow-reader", "/echo", "/count", "/count", "/count"] {
                let client = try FrameClient(port: port)
                try client.ping()
                let head = FrameClient.block(FrameClient.request("POST", path))
                // The server reads both at once where the kernel has both: before the handler begins.
                try client.send(FrameClient.frame(FrameType.headers, flags: 4, stream: 1, payload: head))
                client.socket.shutDown()
                while try client.step() {}
                #expect(client.partial(1).status == nil, "\(path)")
                try await eventually("\(path) has ended") { probe.notes.all.contains("ended \(path)") }
            }
        }
    }

    @Test(
        "a client that closes while its handler waits is gone, whether it has read what the server sent or not",
        arguments: testedBackends)
    func closeWhileWaiting(backend: IOBackend) async throws {
        let request = FrameClient.block(FrameClient.request("GET", "/sleep"))
        let all =
            FrameClient.frame(FrameType.settings)
            + FrameClient.frame(FrameType.headers, flags: 5, stream: 1, payload: request)
        for (hasRead, isReset) in [(true, false), (false, false), (true, true), (false, true)] {
            let probe = Probe()
            try await withPatientServer(backend, probe) { port in
                // Preface and request come at once, so that the end of the client is the next event.
                var client: FrameClient? = try FrameClient(port: port, first: all)
                if hasRead { try client?.ping() }
                try await probe.notes.wait(for: 1)
                try await Task.sleep(for: .milliseconds(150))
                if isReset { client?.socket.reset() }
                client = nil
                try await eventually("cancelled, \(hasRead), \(isReset)", timeout: .seconds(20)) {
                    probe.notes.all.contains("cancelled")
                }
            }
        }
    }

    @Test("responses wait for windows, the connection goes away, and the client ends", arguments: testedBackends)
    func endWhileGoingAway(backend: IOBackend) async throws {
        try await withPatientServer(backend) { port in
            let client = try FrameClient(port: port, settings: [(4, 5)])
            client.opensWindows = false
            try client.headers(1, FrameClient.request("GET", "/big?1000"))
            try client.headers(3, FrameClient.request("GET", "/close"))
            // GOAWAY comes behind the response that closes, while the other one still waits.
            try client.openWindow(3, 100)
            try client.receive { client.goAway != nil }
            #expect(client.partial(3).text == "closing")
            client.socket.shutDown()
            while try client.step() {}
            #expect(client.partial(1).reset == Code.cancel)
        }
    }

    @Test("a body that no handler reads holds up neither its client nor the response", arguments: testedBackends)
    func unreadBody(backend: IOBackend) async throws {
        try await withPatientServer(backend) { port in
            let client = try FrameClient(port: port, settings: [(4, 0)])
            client.opensWindows = false
            try client.headers(1, FrameClient.request("POST", "/early"), end: false)
            try client.receive { client.partial(1).status == 200 }
            // The client sends all of its body before it wants the response: more than the stream's window.
            var allowed = 65_536
            for _ in 0..<40 {
                try client.data(1, [UInt8](repeating: 0, count: 16_384))
                allowed -= 16_384
                try client.receive {
                    let updates = client.others.filter { $0.type == FrameType.windowUpdate && $0.stream == 1 }
                    return allowed + updates.reduce(0) { $0 + Int($1.error) } >= 16_384
                }
            }
            try client.data(1, [], end: true)
            try client.openWindow(1, 100)
            let response = try client.response(1)
            #expect(response.text == "early" && response.reset == nil)
        }
    }

    @Test("a client that leaves the end of a response without a window loses the stream", arguments: testedBackends)
    func stalledEnd(backend: IOBackend) async throws {
        try await withHTTP2(backend, configure: { $0.writeStallTimeout = .milliseconds(400) }) { port in
            let client = try FrameClient(port: port, settings: [(4, 100)])
            client.opensWindows = false
            try client.headers(1, FrameClient.request("GET", "/big?101"))
            #expect(try client.response(1).reset == Code.cancel)
            #expect(try client.ask(3, "GET", "/nothing").status == 204)
        }
    }

    @Test(
        "GOAWAY of the client, with responses that wait: they are sent as the windows open", arguments: testedBackends)
    func goAwayOfClient(backend: IOBackend) async throws {
        try await withPatientServer(backend) { port in
            let client = try FrameClient(port: port, settings: [(4, 5)])
            client.opensWindows = false
            try client.headers(1, FrameClient.request("GET", "/big?1000"))
            try client.send(FrameType.goAway, payload: FrameClient.number(0) + FrameClient.number(0))
            try client.ping()
            try client.openWindow(1, 1000)
            #expect(try client.response(1).body.count == 1000)
            while try client.step() {}
        }
    }

    @Test(
        "GOAWAY of the client, whatever stream it names last: its requests under way are served",
        arguments: testedBackends)
    func lastStreamOfClient(backend: IOBackend) async throws {
        try await withPatientServer(backend) { port in
            for last: [UInt32] in [[0], [1], [2], [3], [0x7FFF_FFFE], [0x7FFF_FFFF], [0x7FFF_FFFF, 1, 3]] {
                let client = try FrameClient(port: port)
                try client.headers(1, FrameClient.request("GET", "/sleep?100"))
                let frames = last.flatMap {
                    FrameClient.frame(FrameType.goAway, payload: FrameClient.number($0) + FrameClient.number(0) + [7])
                }
                // The number comes in two pieces.
                try client.send(Array(frames.prefix(11)))
                try await Task.sleep(for: .milliseconds(20))
                try client.send(Array(frames.dropFirst(11)))
                #expect(try client.response(1).text == "slept", "\(last)")
                #expect(try client.connectionError() == Code.noError, "\(last)")
            }
        }
    }
}
