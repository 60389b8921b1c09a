import HTTPTypes
import Testing
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport
import TwisterWeb
import TwisterWebSocket

/// Sends messages without an end, and notes how many its client has let it send.
private final class Fountain: WebSocketHandlerWith<Notes> {
    override func open() async throws {
        let message = WebSocketMessage.binary([UInt8](repeating: 7, count: 10_000))
        do {
            while true {
                try await writeMessage(message)
                state.note("sent")
            }
        } catch {
            state.note("over")
            throw error
        }
    }
}

/// Sends one message, which is large.
private final class Large: WebSocketHandler {
    override func open() async throws { try await writeMessage(.binary([UInt8](repeating: 7, count: 40_000_000))) }
}

/// Accepts its WebSocket when the test says so, and then sends a message.
private final class Late: WebSocketHandlerWith<Notes> {
    override func prepare() async throws {
        state.note("preparing")
        while !state.all.contains("go") { try await loop.sleep(for: .milliseconds(5)) }
    }

    override func open() async throws {
        loop.addCallback { [state] in state.note("sending") }
        try await writeMessage(.binary([UInt8](repeating: 7, count: 10_000)))
    }
}

/// Responds without an end, and waits for nothing but its client.
private final class Endless: RequestHandler {
    override func get() async throws {
        while true {
            write([UInt8](repeating: 120, count: 16_384))
            try await flush()
        }
    }
}

/// Does not accept its WebSocket for long.
private final class Undecided: WebSocketHandlerWith<Notes> {
    override func prepare() async throws {
        state.note("preparing")
        try await loop.sleep(for: .seconds(60))
    }
}

/// Takes a message a step, when the test says so.
private final class Slow: WebSocketHandlerWith<Notes> {
    override func onMessage(_ message: WebSocketMessage) async throws {
        state.note("got \(message.count)")
        if message.text == "wait" { try await loop.sleep(for: .seconds(60)) }
    }
}

@Suite("HTTP/2: flow control of WebSockets (RFC 8441)")
struct WebSocketFlowTests {
    typealias Opcode = TunnelClient.Opcode

    /// SETTINGS_INITIAL_WINDOW_SIZE.
    private static func window(_ size: UInt32) -> [(UInt16, UInt32)] { [(4, size)] }

    @Test("N-37: large messages pass through small windows in both directions", arguments: testedBackends)
    func windows(backend: IOBackend) async throws {
        for (window, size) in [(16, 20_000), (1000, 200_000), (65_535, 1 << 20)] {
            try await withHTTP2(
                backend, Application([URLSpec("/", TunnelEcho.self)]), configure: { $0.bodyBufferSize = 65_536 }
            ) { port in
                let socket = try TunnelClient(port: port, settings: Self.window(UInt32(window)))
                let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
                try socket.send(Opcode.binary, message)
                let frame = try #require(try socket.receive())
                #expect(frame.payload == message, "window \(window)")
                try socket.sendClose(1000)
                #expect(try socket.receiveClose() == 1000)
                try socket.end()
            }
        }
    }

    @Test("N-37: END_STREAM waits for the client's window", arguments: testedBackends)
    func exhausted(backend: IOBackend) async throws {
        try await withHTTP2(backend, Application([URLSpec("/", TunnelEcho.self)])) { port in
            let client = try FrameClient(port: port, settings: Self.window(9))
            client.opensWindows = false
            let socket = try TunnelClient(client, 1)
            try socket.accepted()
            // "hello" has 7 bytes, and the start of the close frame has 2.
            try socket.send("hello")
            #expect(try socket.receiveText() == "hello")
            try socket.sendClose(1000)
            try client.receive { socket.response.body.count == 9 }
            try client.ping()
            #expect(!client.hasEnded(1))
            try client.openWindow(1, 2)
            #expect(try socket.receive()?.payload == [3, 0xE8])
            // A tunnel has no fields, so that its end waits for the window, too (RFC 9113, 8.5).
            try client.ping()
            #expect(!client.hasEnded(1))
            try client.openWindow(1, 1)
            try client.receive { client.hasEnded(1) }
            #expect(socket.response.reset == nil)
            try socket.end()
        }
    }

    @Test(
        "N-37: a handler waits for a client that opens no window, and other streams do not", arguments: testedBackends)
    func backpressure(backend: IOBackend) async throws {
        let notes = Notes()
        let application = try Application([
            URLSpec("/", Fountain.self, notes), URLSpec("/echo", TunnelEcho.self),
            URLSpec(.get, "/hello") { _ in "hello" },
        ])
        try await withHTTP2(backend, application) { port in
            let client = try FrameClient(port: port, settings: Self.window(20_000))
            client.opensWindows = false
            let socket = try TunnelClient(client, 1)
            try client.receive { socket.response.body.count == 20_000 }
            try await eventually("messages fill the window") { notes.all.count >= 5 }
            try await Task.sleep(for: .milliseconds(100))
            // 20,000 bytes in the window and 64 KiB behind it.
            let sent = notes.all.count
            #expect((5...10).contains(sent), "\(sent)")
            let other = try TunnelClient(client, 3, "/echo")
            try other.send("beside")
            #expect(try other.receiveText() == "beside")
            #expect(try client.ask(5, "GET", "/hello").text == "hello")
            try client.openWindow(1, 15_000)
            try client.receive { socket.response.body.count == 35_000 }
            try client.openWindow(0, 1 << 20)
            try client.openWindow(1, 100_000)
            try client.receive { socket.response.body.count == 135_000 }
            try await eventually("the handler goes on") { notes.all.count > sent }
            try socket.reset()
            try await eventually("the handler ends") { notes.all.last == "over" }
        }
    }

    @Test("N-37: a socket that has much to send takes turns with other responses", arguments: testedBackends)
    func turns(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec("/", Large.self), URLSpec(.get, "/hello") { _ in "hello" },
        ])
        try await withHTTP2(backend, application) { port in
            let client = try FrameClient(port: port, settings: Self.window(0x7FFF_FFFF))
            client.opensWindows = false
            try client.openWindow(0, 0x7FFF_0000)
            let socket = try TunnelClient(client, 1)
            try client.receive { socket.response.body.count > 1_000_000 }
            let before = socket.response.body.count
            try client.headers(3, FrameClient.request("GET", "/hello"))
            try client.receive { client.hasEnded(3) || socket.response.body.count > before + 20_000_000 }
            #expect(client.partial(3).text == "hello")
        }
    }

    @Test("N-37: a socket has its turn beside a more urgent response that never waits", arguments: testedBackends)
    func passedOver(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec("/", TunnelEcho.self), URLSpec("/endless", Endless.self),
        ])
        try await withHTTP2(backend, application) { port in
            let client = try FrameClient(port: port, settings: Self.window(1 << 30))
            client.opensWindows = false
            let socket = try TunnelClient(client, 1)
            try socket.accepted()
            try client.headers(3, FrameClient.request("GET", "/endless", [("priority", "u=1")]))
            try client.receive { client.partial(3).body.count == 65_535 }
            for text in ["one", "two"] {
                let before = socket.response.body.count
                try socket.send(text)
                try await client.openWindows { socket.response.body.count > before }
                #expect(try socket.receiveText() == text)
            }
            #expect(!client.hasEnded(3))
        }
    }

    @Test("N-37: the client may change the urgency of a socket before it is accepted", arguments: testedBackends)
    func updatedEarly(backend: IOBackend) async throws {
        let notes = Notes()
        let application = try Application([
            URLSpec("/", Late.self, notes), URLSpec(.get, "/big") { _ in String(repeating: "x", count: 20_000) },
        ])
        try await withHTTP2(backend, application) { port in
            let client = try FrameClient(port: port, settings: Self.window(0x7FFF_FFFF))
            client.opensWindows = false
            let socket = try TunnelClient(client, 1, "/", [("priority", "u=7")])
            try await notes.wait(for: 1)
            let update = FrameClient.number(1) + Array("u=1".utf8)
            try client.send(FrameClient.FrameType.priorityUpdate, payload: update)
            // These use the connection's window up, so that the last one waits.
            for stream: UInt32 in [3, 5, 7, 9] { try client.headers(stream, FrameClient.request("GET", "/big")) }
            try client.receive { (3...9).reduce(0) { $0 + client.partial($1).body.count } == 65_535 }
            try client.receive { client.partial(9).status != nil }
            let before = client.partial(9).body.count
            notes.note("go")
            try socket.accepted()
            try await notes.wait(for: 3)
            try client.ping()
            try client.openWindow(0, 5000)
            try client.receive { socket.response.body.count + client.partial(9).body.count - before == 5000 }
            #expect(socket.response.body.count == 5000)
        }
    }

    @Test("N-37: a client that opens no window for a refusal loses the stream", arguments: testedBackends)
    func stalledRefusal(backend: IOBackend) async throws {
        let application = try Application([URLSpec("/", TunnelEcho.self)])
        try await withHTTP2(backend, application, configure: { $0.writeStallTimeout = .milliseconds(400) }) { port in
            let client = try FrameClient(port: port, settings: Self.window(0))
            try client.headers(1, TunnelClient.request("/missing"), end: false)
            #expect(try client.response(1).reset == FrameClient.Code.cancel)
            #expect(client.partial(1).status == 404)
        }
    }

    @Test(
        "N-37: what comes before a WebSocket is accepted is held in the stream's window, and counts",
        arguments: testedBackends)
    func undecided(backend: IOBackend) async throws {
        let notes = Notes()
        let application = try Application([
            URLSpec("/", Undecided.self, notes), URLSpec(.get, "/hello") { _ in "hello" },
        ])
        try await withHTTP2(backend, application, configure: { $0.maxBufferedBytes = 100_000 }) { port in
            let client = try FrameClient(port: port)
            let sockets = try [1, 3, 5].map { try TunnelClient(client, $0) }
            try await notes.wait(for: 3)
            for socket in sockets { try socket.send([UInt8](repeating: 0, count: 60_000)) }
            // The largest is given up: nothing of its response is sent.
            try client.receive { sockets.contains { $0.response.status == 503 } }
            #expect(try client.ask(7, "GET", "/hello").text == "hello")
        }
    }

    @Test("N-37: a client that opens no window is cut off after writeStallTimeout", arguments: testedBackends)
    func stalled(backend: IOBackend) async throws {
        let notes = Notes()
        let application = try Application([
            URLSpec("/", Fountain.self, notes), URLSpec(.get, "/hello") { _ in "hello" },
        ])
        try await withHTTP2(backend, application, configure: { $0.writeStallTimeout = .milliseconds(400) }) { port in
            let client = try FrameClient(port: port, settings: Self.window(5000))
            client.opensWindows = false
            let socket = try TunnelClient(client, 1)
            try client.receive { socket.response.reset != nil }
            #expect(socket.response.reset == FrameClient.Code.cancel)
            try await eventually("the handler ends") { notes.all.last == "over" }
            #expect(try client.ask(3, "GET", "/hello").text == "hello")
        }
    }

    @Test("N-37: the client's window stays closed while a handler is busy", arguments: testedBackends)
    func held(backend: IOBackend) async throws {
        let notes = Notes()
        let application = try Application([
            URLSpec("/", Slow.self, notes), URLSpec("/echo", TunnelEcho.self),
        ])
        try await withHTTP2(backend, application) { port in
            let client = try FrameClient(port: port)
            let socket = try TunnelClient(client, 1)
            try socket.accepted()
            try socket.send("wait")
            try await notes.wait(for: 1)
            var sent = 0
            let frame = TunnelClient.frame(Opcode.binary, [UInt8](repeating: 1, count: 1000))
            // The connection's window opens again, and the stream's does not: the server holds two windows at most.
            while socket.room >= frame.count {
                try socket.send(frame)
                sent += frame.count
                if socket.room < frame.count { try client.ping() }
            }
            #expect((65_536...200_000).contains(sent), "\(sent)")
            let other = try TunnelClient(client, 3, "/echo")
            try other.send("beside")
            #expect(try other.receiveText() == "beside")
            #expect(notes.all == ["got 4"])
        }
    }

    @Test(
        "N-37: what sockets hold counts in the server's budget, and the connection goes on", arguments: testedBackends)
    func budget(backend: IOBackend) async throws {
        let application = try Application([URLSpec("/", TunnelEcho.self), URLSpec(.get, "/hello") { _ in "hello" }])
        try await withHTTP2(backend, application, configure: { $0.maxBufferedBytes = 1 << 20 }) { port in
            let client = try FrameClient(port: port)
            let socket = try TunnelClient(client, 1)
            try socket.accepted()
            let piece = [UInt8](repeating: 1, count: 100_000)
            try socket.send(Opcode.binary, piece, isFinal: false)
            while !client.hasEnded(1), !socket.response.body.contains(0x88) {
                // The server may end the stream while the client waits for its window.
                guard socket.room > 0 else {
                    guard try client.step() else { break }
                    continue
                }
                let bytes = TunnelClient.frame(
                    Opcode.continuation, [UInt8](repeating: 1, count: 10_000), isFinal: false)
                if socket.room >= bytes.count { try socket.send(bytes) } else { _ = try client.step() }
            }
            #expect(try socket.receiveClose() == 1013)
            try socket.end()
            #expect(try client.ask(3, "GET", "/hello").text == "hello")
        }
    }

    @Test("N-37: a frame that does not go on is late, an idle socket is not", arguments: testedBackends)
    func late(backend: IOBackend) async throws {
        let application = try Application([URLSpec("/", TunnelEcho.self)])
        try await withHTTP2(
            backend, application,
            configure: {
                $0.bodyStallTimeout = .milliseconds(300)
                $0.idleTimeout = .milliseconds(800)
            }
        ) { port in
            let (client, idle) = try await inTime(.milliseconds(800)) {
                let client = try FrameClient(port: port)
                let idle = try TunnelClient(client, 1)
                try idle.accepted()
                return (client, idle)
            }
            let late = try TunnelClient(client, 3)
            try late.accepted()
            try late.send([0x82, 0x85])
            #expect(try late.receiveClose() == 1008)
            try await Task.sleep(for: .seconds(1))
            try idle.send("here")
            #expect(try idle.receiveText() == "here")
        }
    }
}
