import Testing
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

@Suite("HTTP/2: limits")
struct HTTP2LimitTests {
    private typealias FrameType = FrameClient.FrameType

    /// The default limit of resets, which grows no further while a busy machine takes its time.
    private static var fixedResets: HTTP2Configuration {
        var limits = HTTP2Configuration()
        limits.resets.perSecond = 0
        return limits
    }

    /// Sends until the server ends the connection, and returns GOAWAY's code.
    private func flood(_ port: UInt16, _ send: (FrameClient) throws -> Void) throws -> UInt32? {
        let client = try FrameClient(port: port)
        do { try send(client) } catch is TestClient.Failure {}
        return try client.connectionError()
    }

    @Test("N-38: rapid reset ends the connection, and is counted", arguments: testedBackends)
    func rapidReset(backend: IOBackend) async throws {
        let probe = Probe()
        try await withHTTP2(backend, probe, limits: Self.fixedResets) { port in
            let code = try flood(port) { client in
                for index in 0..<2000 {
                    let stream = UInt32(2 * index + 1)
                    try client.headers(stream, FrameClient.request("GET", "/sleep"))
                    try client.send(FrameType.reset, stream: stream, payload: FrameClient.number(8))
                }
            }
            #expect(code == FrameClient.Code.enhanceYourCalm)
            try await eventually("all have ended") {
                let notes = probe.notes.all
                return notes.count { $0.hasPrefix("ended") } == notes.count { $0.hasPrefix("closed") }
            }
            #expect(probe.notes.all.count { $0.hasPrefix("ended") } <= 300)
        }
    }

    @Test("N-38: resets that the client provokes count, too (MadeYouReset)", arguments: testedBackends)
    func madeYouReset(backend: IOBackend) async throws {
        let probe = Probe()
        try await withHTTP2(backend, probe, limits: Self.fixedResets) { port in
            let code = try flood(port) { client in
                for index in 0..<2000 {
                    let stream = UInt32(2 * index + 1)
                    try client.headers(stream, FrameClient.request("GET", "/sleep"))
                    // More than a window may be.
                    try client.openWindow(stream, UInt32(Int32.max))
                }
            }
            #expect(code == FrameClient.Code.enhanceYourCalm)
            // Errors are stopped sooner than a client's own resets, which may have a reason.
            try await eventually("all have ended") {
                let notes = probe.notes.all
                return notes.count { $0.hasPrefix("ended") } == notes.count { $0.hasPrefix("closed") }
            }
            #expect(probe.notes.all.count { $0.hasPrefix("ended") } <= 40)
        }
    }

    @Test(
        "N-38: so do bodies that are longer or shorter than declared, and trailers that are too large",
        arguments: testedBackends)
    func madeYouResetByBodies(backend: IOBackend) async throws {
        let large = (0..<20).map { ("x-\($0)", String(repeating: "x", count: 4000)) }
        let faults: [(FrameClient, UInt32) throws -> Void] = [
            { try $0.data($1, [1, 2, 3, 4]) }, { try $0.data($1, [1], end: true) }, { try $0.headers($1, large) },
        ]
        for (number, fault) in faults.enumerated() {
            let probe = Probe()
            try await withHTTP2(backend, probe, limits: Self.fixedResets) { port in
                let code = try flood(port) { client in
                    for index in 0..<300 {
                        let stream = UInt32(2 * index + 1)
                        let request = FrameClient.request("POST", "/count", [("content-length", "3")])
                        try client.headers(stream, request, end: false)
                        try fault(client, stream)
                        guard try client.connectionOrReset(stream) != nil, client.goAway == nil else { break }
                    }
                }
                #expect(code == FrameClient.Code.enhanceYourCalm, "fault \(number)")
                try await eventually("all have ended") {
                    let notes = probe.notes.all
                    return notes.count { $0.hasPrefix("ended") } == notes.count { $0.hasPrefix("closed") }
                }
                #expect(probe.notes.all.count { $0.hasPrefix("ended") } <= 40, "fault \(number)")
            }
        }
    }

    @Test("N-38: requests of a client that is cut off for what follows them do not begin", arguments: testedBackends)
    func cutOff(backend: IOBackend) async throws {
        let probe = Probe()
        try await withHTTP2(backend, probe) { port in
            let client = try FrameClient(port: port)
            try client.ping()
            let block = FrameClient.block(FrameClient.request("GET", "/sleep"))
            let requests = (0..<10).flatMap {
                FrameClient.frame(FrameType.headers, flags: 5, stream: UInt32(2 * $0 + 1), payload: block)
            }
            // In one piece, so that the server reads all of it at once.
            try client.send(requests + FrameClient.frame(FrameType.priority, payload: [0, 0, 0, 0, 16]))
            #expect(try client.connectionError() == FrameClient.Code.protocolError)
            try await eventually("all have ended") { probe.notes.all.count { $0 == "ended /sleep" } == 10 }
            #expect(!probe.notes.all.contains("sleeping"))
        }
    }

    @Test("N-38: PING, SETTINGS, PRIORITY, empty DATA and WINDOW_UPDATE floods", arguments: testedBackends)
    func floods(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let ping = FrameClient.frame(FrameType.ping, payload: [UInt8](repeating: 0, count: 8))
            let settings = FrameClient.frame(FrameType.settings)
            let priority = FrameClient.frame(FrameType.priority, stream: 1, payload: [0, 0, 0, 0, 16])
            let update = FrameClient.frame(FrameType.windowUpdate, payload: FrameClient.number(1))
            let unknown = FrameClient.frame(0x77, payload: [1])
            for frame in [ping, settings, priority, update, unknown] {
                let code = try flood(port) { client in
                    for _ in 0..<3000 { try client.send(frame) }
                }
                #expect(code == FrameClient.Code.enhanceYourCalm, "type \(frame[3])")
            }
            let empty = try flood(port) { client in
                try client.headers(1, FrameClient.request("POST", "/echo"), end: false)
                for _ in 0..<3000 { try client.data(1, []) }
            }
            #expect(empty == FrameClient.Code.enhanceYourCalm)
        }
    }

    @Test(
        "N-38: as many control frames at once as the limit allows, and settings that nobody knows",
        arguments: testedBackends)
    func manyAtOnce(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let client = try FrameClient(port: port)
            let ping = FrameClient.frame(FrameType.ping, payload: [UInt8](repeating: 0, count: 8))
            let unknown = FrameClient.settings((0..<200).map { (UInt16(0x1000 + $0), 1) })
            let settings = FrameClient.frame(FrameType.settings, payload: unknown)
            // In one piece, so that the server reads all of it at once.
            try client.send([[UInt8]](repeating: ping, count: 600).flatMap { $0 } + settings + settings)
            #expect(try client.ask(1, "GET", "/version").status == 200)
            let tooMany = try flood(port) { client in
                let unknown = FrameClient.settings((0..<300).map { (UInt16(0x1000 + $0), 1) })
                try client.send(FrameType.settings, payload: unknown)
            }
            #expect(tooMany == FrameClient.Code.enhanceYourCalm)
        }
    }

    @Test(
        "N-38: a header block of many CONTINUATION frames, and one that decodes to too much", arguments: testedBackends)
    func headerBlocks(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let continuations = try flood(port) { client in
                let block = FrameClient.block(FrameClient.request("GET", "/"))
                try client.send(FrameType.headers, flags: 1, stream: 1, payload: block)
                for _ in 0..<2000 { try client.send(FrameType.continuation, stream: 1, payload: []) }
            }
            #expect(continuations == FrameClient.Code.enhanceYourCalm)
            // An entry of the dynamic table with 4,000 octets, referred to by one octet each time.
            let bomb = try flood(port) { client in
                var block = FrameClient.block(FrameClient.request("GET", "/"))
                let entry = FrameClient.block([("x", String(repeating: "a", count: 3900))])
                block += [0x40] + entry.dropFirst()
                block += [UInt8](repeating: 0xBE, count: 5000)
                try client.send(FrameType.headers, flags: 5, stream: 1, payload: block)
            }
            #expect(bomb == FrameClient.Code.enhanceYourCalm)
        }
    }

    @Test(
        "N-38: trailers that decode to too much, whether somebody reads them or not, and fields for a WebSocket",
        arguments: testedBackends)
    func trailerBlocks(backend: IOBackend) async throws {
        // An entry of the dynamic table, referred to by one octet each time.
        let entry = FrameClient.block([("x", String(repeating: "a", count: 3900))]).dropFirst()
        let bomb = [0x40] + entry + [UInt8](repeating: 0xBE, count: 5000)
        let requests = [
            FrameClient.request("POST", "/trailers"), FrameClient.request("POST", "/early"),
            FrameClient.request("POST", "/small", [("content-length", "11")]), TunnelClient.request("/sleep"),
        ]
        try await withHTTP2(backend) { port in
            for request in requests {
                // Responses wait for a window, so that their streams stay open.
                let client = try FrameClient(port: port, settings: [(4, 0)])
                try client.headers(1, request, end: false)
                try client.ping()
                try client.headerBlock(1, bomb)
                #expect(try client.connectionError() == FrameClient.Code.enhanceYourCalm, "\(request)")
            }
        }
    }

    @Test("handlers that fail are not charged to their client", arguments: testedBackends)
    func failures(backend: IOBackend) async throws {
        var limits = HTTP2Configuration()
        limits.resets = HTTP2Configuration.FrameRate(burst: 8, perSecond: 0)
        try await withHTTP2(backend, limits: limits) { port in
            let client = try FrameClient(port: port)
            for index: UInt32 in 0..<30 {
                #expect(
                    try client.ask(2 * index + 1, "GET", "/throw-late").reset == FrameClient.Code.internalError)
            }
            #expect(try client.ask(61, "GET", "/nothing").status == 204)
        }
    }

    @Test("a window that a change of SETTINGS makes too large: FLOW_CONTROL_ERROR", arguments: testedBackends)
    func windowOverflow(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let client = try FrameClient(port: port)
            try client.headers(1, FrameClient.request("GET", "/sleep"))
            try client.openWindow(1, UInt32(Int32.max) - 65_535)
            try client.ping()
            try client.send(FrameType.settings, payload: FrameClient.settings([(4, 65_536)]))
            #expect(try client.connectionError() == FrameClient.Code.flowControl)
        }
    }

    @Test(
        "more streams than announced are refused; one that was reset counts until its handler returns",
        arguments: testedBackends)
    func streams(backend: IOBackend) async throws {
        var limits = HTTP2Configuration()
        limits.maxConcurrentStreams = 3
        try await withHTTP2(backend, limits: limits) { port in
            let client = try FrameClient(port: port)
            try client.ping()
            #expect(client.others.contains { $0.payload.starts(with: [0, 3, 0, 0, 0, 3]) })
            for stream: UInt32 in [1, 3, 5, 7] { try client.headers(stream, FrameClient.request("GET", "/sleep")) }
            let refused = try client.connectionOrReset(7)
            #expect(refused == FrameClient.Code.refusedStream || refused == FrameClient.Code.protocolError)
        }
    }

    @Test("a client that opens no window for its response loses the stream", arguments: testedBackends)
    func stalledWindow(backend: IOBackend) async throws {
        let probe = Probe()
        try await withHTTP2(backend, probe, configure: { $0.writeStallTimeout = .milliseconds(400) }) { port in
            let client = try FrameClient(port: port, settings: [(4, 100)])
            client.opensWindows = false
            try client.headers(1, FrameClient.request("GET", "/endless"))
            let response = try client.response(1)
            #expect(response.reset == FrameClient.Code.cancel)
            #expect(response.body.count == 100)
            #expect(try client.ask(3, "GET", "/nothing").status == 204)
            try await eventually("the handler has ended") { probe.notes.all.contains("ended /endless") }
        }
    }

    @Test(
        "a stream that more urgent ones keep out of the connection's window is not a slow client's",
        arguments: testedBackends)
    func starvedStream(backend: IOBackend) async throws {
        try await withHTTP2(backend, configure: { $0.writeStallTimeout = .seconds(1) }) { port in
            // Windows that come too late are the client's fault, or that of a busy machine: then all of it is done again.
            func starve(_ client: FrameClient) async throws -> Bool {
                client.opensWindows = false
                try client.headers(1, FrameClient.request("GET", "/endless", [("priority", "u=0")]))
                try client.receive { client.partial(1).body.count == 65_535 }
                try client.headers(3, FrameClient.request("GET", "/big?1000", [("priority", "u=7")]))
                var longest = Duration.zero
                for _ in 0..<60 {
                    let start = ContinuousClock.now
                    do {
                        try client.openWindow(0, 4096)
                        try client.ping()
                        try await Task.sleep(for: .milliseconds(50))
                    } catch  where ContinuousClock.now - start >= .milliseconds(400) || longest >= .milliseconds(400) {
                        return false
                    }
                    longest = max(longest, ContinuousClock.now - start)
                }
                return longest < .milliseconds(400) || client.partial(1).reset == nil && client.partial(3).reset == nil
            }
            var client = try FrameClient(port: port, settings: [(4, 1 << 30)])
            for _ in 0..<20 {
                if try await starve(client) { break }
                client = try FrameClient(port: port, settings: [(4, 1 << 30)])
            }
            #expect(client.partial(1).reset == nil)
            // It was passed over for a second, and then it had its turn.
            #expect(try client.response(3).body.count == 1000)
            #expect(client.partial(3).reset == nil)
            try client.send(FrameType.reset, stream: 1, payload: FrameClient.number(8))
            // Where nothing moves on the connection, the client is to blame.
            try client.headers(5, FrameClient.request("GET", "/big?10000"))
            #expect(try client.response(5).reset == FrameClient.Code.cancel)
        }
    }

    @Test(
        "N-19: responses that wait for the client's windows count in the budget; clocks stand still while it is used up",
        arguments: testedBackends)
    func waitingResponses(backend: IOBackend) async throws {
        try await withHTTP2(
            backend,
            configure: {
                $0.maxBufferedBytes = 5_000_000
                $0.headerTimeout = .seconds(1)
            }
        ) { port in
            let streams = (0..<40).map { UInt32(2 * $0 + 1) }
            let asked = FrameClient.block(FrameClient.request("GET", "/big?1000000"))
            var bytes = streams.flatMap { FrameClient.frame(FrameType.headers, flags: 5, stream: $0, payload: asked) }
            // The connection is left unread for longer than a header block may take.
            let block = FrameClient.block(FrameClient.request("GET", "/nothing"))
            bytes += FrameClient.frame(FrameType.headers, flags: 1, stream: 101, payload: Array(block.prefix(10)))
            let code = FrameClient.Code.enhanceYourCalm
            // A client that the machine holds up sends the rest of the header block too late: then all of it is done again.
            func ask() throws -> (client: FrameClient, status: Int?, delay: Duration) {
                let client = try FrameClient(port: port, settings: [(4, 0)])
                try client.ping()
                // At once, so that all of it is read before the budget is used up.
                try client.send(bytes)
                var (last, longest) = (ContinuousClock.now, Duration.zero)
                func note() {
                    longest = max(longest, ContinuousClock.now - last)
                    last = .now
                }
                try client.receive {
                    note()
                    return streams.count { client.partial($0).reset == code } >= 35
                }
                try client.send(FrameType.continuation, flags: 4, stream: 101, payload: Array(block.dropFirst(10)))
                let status = try? client.response(101).status
                note()
                return (client, status, longest)
            }
            var (client, status, delay) = try ask()
            for _ in 0..<20 where status == nil && delay > .milliseconds(500) { (client, status, delay) = try ask() }
            #expect(status == 204)
            // Those that are left get through.
            for stream in streams where client.partial(stream).reset == nil {
                try client.openWindow(stream, 1_000_000)
                try client.openWindow(0, 1_000_000)
                #expect(try client.response(stream).body.count == 1_000_000)
            }
        }
    }

    @Test(
        "N-19: requests that stand still make room for others, also on their own connection", arguments: testedBackends)
    func standStill(backend: IOBackend) async throws {
        try await withHTTP2(backend, configure: { $0.maxBufferedBytes = 2_000_000 }) { port in
            let attacker = try FrameClient(port: port)
            let streams = (0..<33).map { UInt32(2 * $0 + 1) }
            func begin(_ client: FrameClient, _ stream: UInt32, end: Bool) throws {
                try client.headers(stream, FrameClient.request("POST", "/echo"), end: false)
                for number in 1...6 {
                    try client.data(stream, [UInt8](repeating: 120, count: 10_000), end: end && number == 6)
                }
            }
            for stream in streams { try begin(attacker, stream, end: false) }
            try attacker.ping()
            try await Task.sleep(for: .milliseconds(1300))
            let honest = try FrameClient(port: port)
            for client in [honest, attacker] {
                for stream in stride(from: UInt32(101), through: 111, by: 2) {
                    try begin(client, stream, end: true)
                    #expect(try client.response(stream).status == 200)
                }
            }
            try attacker.receive { streams.contains { attacker.partial($0).status == 503 } }
        }
    }

    @Test("N-19: heads count in the budget, however few octets HPACK makes of them", arguments: testedBackends)
    func largeHeads(backend: IOBackend) async throws {
        let probe = Probe()
        try await withHTTP2(backend, probe, configure: { $0.maxBufferedBytes = 2_000_000 }) { port in
            let client = try FrameClient(port: port)
            // A field of 3,000 octets, which goes into the table, and then ten references to it.
            let field = [0x40] + FrameClient.string("x-large") + FrameClient.string(String(repeating: "x", count: 3000))
            let fields = FrameClient.block(FrameClient.request("GET", "/sleep"))
            let first = fields + field
            let others = fields + [UInt8](repeating: 0x80 | 62, count: 10)
            try client.send(FrameType.headers, flags: 5, stream: 1, payload: first)
            try await probe.notes.wait(for: 1)
            // At once, so that all of it is read before the budget is used up.
            try client.send(
                (1...90).flatMap {
                    FrameClient.frame(FrameType.headers, flags: 5, stream: UInt32(2 * $0 + 1), payload: others)
                })
            // Of those that are over the budget, each is refused. Who holds too much is given up, and others are served.
            while (try? client.socket.receive()) != nil {}
            try await eventually("all have ended") {
                probe.notes.all.count { $0 == "ended /sleep" } == probe.notes.all.count { $0 == "sleeping" }
            }
            #expect((60...70).contains(probe.notes.all.count { $0 == "sleeping" }))
            #expect(try FrameClient(port: port).ask(1, "GET", "/version").status == 200)
        }
    }

    @Test("a client that asks and reads nothing is bounded, and closed", arguments: testedBackends)
    func noReading(backend: IOBackend) async throws {
        let configure = { (configuration: inout HTTPServer.Configuration) in
            configuration.http2 = HTTP2Configuration()
            configuration.writeStallTimeout = .milliseconds(500)
        }
        try await withServers(backend, Probe(), configure: configure) { servers in
            let server = try #require(servers.servers.first)
            let client = try FrameClient(port: servers.port ?? 0, settings: [(4, 1 << 30)], receiveBuffer: 4096)
            try client.openWindow(0, 1 << 30)
            for index in 0..<20 {
                try client.headers(UInt32(2 * index + 1), FrameClient.request("GET", "/big?10000000"))
            }
            // The kernel takes a part of it; then nothing moves, and the server closes the connection.
            let loop = server.value.loop
            try await eventually("it is served") { client.socket.hasInput }
            try await eventually("it is closed") { try await loop.perform { server.value.connectionCount } == 0 }
            var received = 0
            do {
                while let bytes = try client.socket.receive() { received += bytes.count }
            } catch {}
            #expect(received < 100_000_000)
        }
    }

    @Test(
        "deadlines: the first SETTINGS, an unfinished header block, a body that stalls, an idle connection",
        arguments: testedBackends)
    func deadlines(backend: IOBackend) async throws {
        try await withHTTP2(
            backend,
            configure: {
                $0.headerTimeout = .milliseconds(300)
                $0.bodyStallTimeout = .milliseconds(300)
                $0.idleTimeout = .milliseconds(700)
            }
        ) { port in
            let silent = try TestClient(port: port)
            try silent.send(FrameClient.preface)
            while try silent.receive() != nil {}
            let unfinished = try await inTime(.milliseconds(300)) {
                let unfinished = try FrameClient(port: port)
                // A frame between those of a block would be another error.
                try unfinished.ping()
                try unfinished.send(
                    FrameType.headers, stream: 1, payload: FrameClient.block(FrameClient.request("GET", "/")))
                return unfinished
            }
            let code = try unfinished.connectionError()
            #expect(code == FrameClient.Code.enhanceYourCalm)
            // The header of a frame, and a block on a stream that the server has reset, which nghttp2 ignores.
            let cut = try await inTime(.milliseconds(300)) {
                let cut = try FrameClient(port: port)
                try cut.ping()
                try cut.send([0, 0])
                return cut
            }
            #expect(try cut.connectionError() == FrameClient.Code.enhanceYourCalm)
            let ignored = try await inTime(.milliseconds(300)) {
                let ignored = try FrameClient(port: port)
                try ignored.headers(1, FrameClient.request("POST", "/echo", [("upgrade", "x")]), end: false)
                #expect(try ignored.response(1).reset == FrameClient.Code.protocolError)
                try ignored.send(FrameType.headers, stream: 1, payload: FrameClient.block([("x", "y")]))
                return ignored
            }
            #expect(try ignored.connectionError() == FrameClient.Code.enhanceYourCalm)
            let stalled = try await inTime(.milliseconds(300)) {
                let stalled = try FrameClient(port: port)
                try stalled.headers(1, FrameClient.request("POST", "/echo"), end: false)
                return stalled
            }
            #expect(try stalled.response(1).status == 408)
            let idle = try await inTime(.milliseconds(300)) {
                let idle = try FrameClient(port: port)
                #expect(try idle.ask(1, "GET", "/version").status == 200)
                return idle
            }
            #expect(try idle.connectionError() == FrameClient.Code.noError)
        }
    }
}

extension FrameClient {
    /// The code with which the stream or the connection is ended.
    func connectionOrReset(_ stream: UInt32) throws -> UInt32? {
        while partial(stream).reset == nil, goAway == nil {
            guard try step() else { break }
        }
        return partial(stream).reset ?? goAway?.error
    }
}
