import Glibc
import HTTPTypes
import Testing
import TwisterCompression
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport
import TwisterWeb
import TwisterWebSocket

/// Notes what happens to it, and does what its messages say.
private final class Noted: WebSocketHandlerWith<Notes> {
    override func onMessage(_ message: WebSocketMessage) async throws {
        switch message.text {
        case "sleep":
            state.note("sleeping")
            do {
                try await loop.sleep(for: .seconds(60))
            } catch {
                state.note("cancelled")
                throw error
            }
        case "close": close(.goingAway, "as told")
        case "throw": throw WebSocketError(description: "meant to be")
        case "nodelay": try setNodelay(true)
        default: try await writeMessage(message)
        }
    }
    override func onPing(_ data: [UInt8]) async throws { state.note("ping \(data)") }
    override func onShutdown() { state.note("shutdown") }
    override func onClose() async { state.note("closed \(closeCode?.description ?? "-")") }
}

/// Subscribes to the topic of its path.
private final class Member: WebSocketHandlerWith<WebSocketTopics> {
    override var topics: WebSocketTopics { state }
    override func open() async throws {
        subscribe("room")
        try await writeMessage("ready")
    }
    override func onMessage(_ message: WebSocketMessage) async throws { publish(message, to: "room") }
}

@Suite("HTTP/2: WebSockets on streams (RFC 8441)")
struct WebSocketTunnelTests {
    typealias Opcode = TunnelClient.Opcode

    private func withNoted(
        _ backend: IOBackend, configure: (inout HTTPServer.Configuration) -> Void = { _ in },
        _ body: (UInt16, Notes) async throws -> Void
    ) async throws {
        let notes = Notes()
        let application = try Application([
            URLSpec("/", Noted.self, notes), URLSpec("/echo", TunnelEcho.self),
            URLSpec(.get, "/hello") { _ in "hello" },
        ])
        try await withHTTP2(backend, application, configure: configure) { try await body($0, notes) }
    }

    @Test("N-37: text, binary, fragments, pings", arguments: testedBackends)
    func echo(backend: IOBackend) async throws {
        try await withNoted(backend) { port, notes in
            let socket = try TunnelClient(port: port)
            try socket.send("text é")
            #expect(try socket.receiveText() == "text é")
            try socket.send(Opcode.binary, [0, 255, 1])
            #expect(try socket.receive() == TunnelClient.Frame(opcode: Opcode.binary, payload: [0, 255, 1]))
            try socket.send(Opcode.text, Array("one ".utf8), isFinal: false)
            try socket.send(Opcode.ping, [7])
            try socket.send(Opcode.continuation, Array("two".utf8))
            #expect(try socket.receive() == TunnelClient.Frame(opcode: Opcode.pong, payload: [7]))
            #expect(try socket.receiveText() == "one two")
            // Each byte in a DATA frame of its own.
            try socket.send(TunnelClient.frame(Opcode.text, Array("bytes".utf8)), piece: 1)
            #expect(try socket.receiveText() == "bytes")
            // There is no socket of its own whose option could be set.
            try socket.send("nodelay")
            try socket.send("still there")
            #expect(try socket.receiveText() == "still there")
            #expect(notes.all == ["ping [7]"])
        }
    }

    @Test("N-37: permessage-deflate", arguments: testedBackends)
    func deflate(backend: IOBackend) async throws {
        try await withNoted(backend) { port, _ in
            let socket = try TunnelClient(port: port, "/echo", [("sec-websocket-extensions", "permessage-deflate")])
            #expect(socket.response.field("sec-websocket-extensions")?.hasPrefix("permessage-deflate") == true)
            let text = [UInt8](repeating: 65, count: 1000)
            let deflater = try MessageDeflater(windowBits: 15, level: 6, memoryLevel: 8)
            var packed: [UInt8] = []
            try text.withUnsafeBytes { try deflater.compress($0, .message, into: &packed) }
            try socket.send(Opcode.text, packed, reserved: 0x40)
            let frame = try #require(try socket.receive())
            #expect(frame.isCompressed)
            #expect(frame.payload == packed)
        }
    }

    @Test("N-37: a last frame that comes with END_STREAM is answered like any other", arguments: testedBackends)
    func closingAtOnce(backend: IOBackend) async throws {
        try await withNoted(backend) { port, _ in
            let client = try FrameClient(port: port)
            let close = TunnelClient.frame(TunnelClient.Opcode.close, [3, 0xE8])
            for (stream, frame, code): (UInt32, [UInt8], UInt16) in [(1, close, 1000), (3, [0x81, 0], 1002)] {
                let socket = try TunnelClient(client, stream)
                try socket.accepted()
                try client.data(stream, frame, end: true)
                #expect(try socket.receiveClose() == code)
                #expect(socket.response.reset == nil)
            }
            try client.ping()
        }
    }

    @Test(
        "N-37: messages right before a close frame that comes with END_STREAM are answered", arguments: testedBackends)
    func messagesBeforeTheEnd(backend: IOBackend) async throws {
        try await withNoted(backend) { port, _ in
            let client = try FrameClient(port: port)
            let close = TunnelClient.frame(Opcode.close, [3, 0xE8])
            for (stream, first): (UInt32, TunnelClient.Frame) in [
                (1, .text("last")), (3, TunnelClient.Frame(opcode: Opcode.ping, payload: [7])),
            ] {
                let socket = try TunnelClient(client, stream)
                try socket.accepted()
                try client.data(stream, TunnelClient.frame(first.opcode, first.payload) + close, end: true)
                let answer = first.opcode == Opcode.ping ? Opcode.pong : first.opcode
                #expect(try socket.receive() == TunnelClient.Frame(opcode: answer, payload: first.payload))
                #expect(try socket.receiveClose() == 1000)
                #expect(socket.response.reset == nil)
            }
        }
    }

    @Test("N-37: the closing handshake ends the stream with END_STREAM, whoever begins it", arguments: testedBackends)
    func closing(backend: IOBackend) async throws {
        try await withNoted(backend) { port, notes in
            let client = try FrameClient(port: port)
            let first = try TunnelClient(client, 1)
            try first.accepted()
            try first.sendClose(1000)
            #expect(try first.receiveClose() == 1000)
            #expect(first.response.reset == nil)
            try await notes.wait(for: 1)
            try first.end()
            let second = try TunnelClient(client, 3)
            try second.accepted()
            try second.send("close")
            let frame = try #require(try second.receive())
            #expect(frame.payload == [3, 0xE9] + Array("as told".utf8))
            try second.sendClose(1001)
            #expect(try second.receive() == nil)
            #expect(second.response.reset == nil)
            try second.end()
            // An error of the handler, and one of the client.
            for (stream, code): (UInt32, UInt16) in [(5, 1011), (7, 1002)] {
                let socket = try TunnelClient(client, stream)
                try socket.accepted()
                if code == 1011 { try socket.send("throw") } else { try client.data(stream, [0x81, 0]) }
                #expect(try socket.receiveClose() == code)
                try socket.end()
            }
            try await notes.wait(for: 4)
            #expect(notes.all == ["closed 1000", "closed 1001", "closed -", "closed -"])
            try client.ping()
            #expect(try client.ask(9, "GET", "/hello").text == "hello")
            #expect(client.goAway == nil)
        }
    }

    @Test("N-37: a client that does not end its side of the stream has 2 seconds for that", arguments: testedBackends)
    func unended(backend: IOBackend) async throws {
        try await withNoted(backend) { port, _ in
            let socket = try TunnelClient(port: port)
            try socket.sendClose(1000)
            #expect(try socket.receiveClose() == 1000)
            let start = ContinuousClock.now
            // What it sends meanwhile is dropped.
            for _ in 0..<20 { try socket.send([UInt8](repeating: 1, count: 16_384)) }
            try socket.client.receive { socket.response.reset != nil }
            #expect(socket.response.reset == FrameClient.Code.noError)
            #expect(ContinuousClock.now - start > .milliseconds(1500))
            #expect(try socket.client.ask(3, "GET", "/hello").text == "hello")
        }
    }

    @Test("N-37: a client that can send nothing more has no time to end its side", arguments: testedBackends)
    func halfClosed(backend: IOBackend) async throws {
        for closesFirst in [true, false] {
            try await withNoted(backend) { port, notes in
                // The machine may be busy: the quickest of some counts.
                var (quickest, count) = (Duration.seconds(60), 0)
                while count < 3 || count < 15 && quickest >= .milliseconds(1900) {
                    count += 1
                    let start = ContinuousClock.now
                    let socket = try TunnelClient(port: port)
                    if closesFirst {
                        try socket.sendClose(1000)
                        #expect(try socket.receiveClose() == 1000)
                    }
                    shutdown(socket.client.socket.fd, CInt(SHUT_WR))
                    #expect(try socket.client.connectionError() == FrameClient.Code.noError)
                    quickest = min(quickest, ContinuousClock.now - start)
                }
                try await notes.wait(for: count)
                #expect(notes.all == [String](repeating: closesFirst ? "closed 1000" : "closed -", count: count))
                #expect(quickest < .milliseconds(1900))
            }
        }
    }

    @Test(
        "N-37: RST_STREAM, and an end without a close frame, are the end of the connection", arguments: testedBackends)
    func broken(backend: IOBackend) async throws {
        try await withNoted(backend) { port, notes in
            let client = try FrameClient(port: port)
            let first = try TunnelClient(client, 1)
            try first.accepted()
            try first.reset()
            try await notes.wait(for: 1)
            // The task of a handler that is busy is cancelled.
            let second = try TunnelClient(client, 3)
            try second.accepted()
            try second.send("sleep")
            try await notes.wait(for: 2)
            try second.reset()
            try await notes.wait(for: 4)
            let third = try TunnelClient(client, 5)
            try third.accepted()
            try third.send("sleep")
            try await notes.wait(for: 5)
            try third.end()
            // The end of the client's side is no error, and gets END_STREAM.
            #expect(try client.response(5).reset == nil)
            try await notes.wait(for: 7)
            let idle = try TunnelClient(client, 11)
            try idle.accepted()
            try idle.end()
            #expect(try client.response(11).reset == nil)
            try await notes.wait(for: 8)
            let last = try TunnelClient(client, 13)
            try last.accepted()
            #expect(try client.ask(15, "GET", "/hello").text == "hello")
            client.socket.reset()
            try await notes.wait(for: 9)
            #expect(
                notes.all == [
                    "closed -", "sleeping", "cancelled", "closed -", "sleeping", "cancelled", "closed -", "closed -",
                    "closed -",
                ])
        }
    }

    @Test("N-37: many sockets and requests share a connection", arguments: testedBackends)
    func many(backend: IOBackend) async throws {
        try await withNoted(backend) { port, _ in
            let client = try FrameClient(port: port)
            var sockets: [TunnelClient] = []
            for number in 0..<40 {
                let socket = try TunnelClient(client, UInt32(number * 4 + 1))
                try client.headers(socket.stream + 2, FrameClient.request("GET", "/hello"))
                sockets.append(socket)
            }
            for (number, socket) in sockets.enumerated() {
                try socket.accepted()
                try socket.send("socket \(number)")
            }
            for (number, socket) in sockets.enumerated().reversed() {
                #expect(try socket.receiveText() == "socket \(number)")
                #expect(try client.response(socket.stream + 2).text == "hello")
            }
        }
    }

    private final class Observer: ExchangeObserver {
        let notes = Notes()
        func exchangeBegan(_ record: ExchangeRecord) {}
        func exchangeEnded(_ record: ExchangeRecord) {
            let line = String(decoding: record.requestLine, as: UTF8.self)
            notes.note("\(line) \(record.status ?? 0) \(record.outcome?.rawValue ?? "-") \(record.responseBodySize)")
        }
    }

    @Test("N-37: the request of a WebSocket is noted when it is accepted, or refused", arguments: testedBackends)
    func observed(backend: IOBackend) async throws {
        let observer = Observer()
        try await withNoted(backend, configure: { $0.observers.append(observer) }) { port, _ in
            let client = try FrameClient(port: port)
            let socket = try TunnelClient(client, 1)
            try socket.accepted()
            try await observer.notes.wait(for: 1)
            try socket.send("later")
            #expect(try socket.receiveText() == "later")
            try client.headers(3, TunnelClient.request("/hello"), end: false)
            #expect(try client.response(3).status == 405)
            try await observer.notes.wait(for: 2)
            #expect(observer.notes.all == ["GET / HTTP/2.0 200 responded 0", "GET /hello HTTP/2.0 405 responded 0"])
        }
    }

    private func receive(_ count: Int, _ client: TestClient) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += try client.receive(count - bytes.count) ?? [] }
        return bytes
    }

    @Test("N-37, N-35: a topic has subscribers over HTTP/1.1 and HTTP/2", arguments: testedBackends)
    func topics(backend: IOBackend) async throws {
        let topics = WebSocketTopics()
        let application = try Application([URLSpec("/", Member.self, topics)])
        try await withHTTP2(backend, application) { port in
            let old = try TestClient(port: port, isTranslated: false)
            try old.send(
                "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
            #expect(try old.receiveResponse().status == 101)
            #expect(try receive(7, old) == [0x81, 5] + Array("ready".utf8))
            let client = try FrameClient(port: port)
            let sockets = try [1, 3].map { try TunnelClient(client, $0) }
            for socket in sockets { #expect(try socket.receiveText() == "ready") }
            try sockets[0].send("to all")
            #expect(try receive(8, old) == [0x81, 6] + Array("to all".utf8))
            for socket in sockets { #expect(try socket.receiveText() == "to all") }
            #expect(topics.counts.encoded == 1)
            #expect(topics.counts.delivered == 3)
        }
    }

    @Test(
        "N-37, WS-20: a server that shuts down says 1001 on each stream, and ends the connection",
        arguments: testedBackends)
    func drain(backend: IOBackend) async throws {
        let notes = Notes()
        let application = try Application([URLSpec("/", Noted.self, notes)])
        try await withServers(backend, application, configure: { $0.http2 = HTTP2Configuration() }) { servers in
            let client = try FrameClient(port: servers.port ?? 0)
            let sockets = try [1, 3].map { try TunnelClient(client, $0) }
            for socket in sockets { try socket.accepted() }
            let shutdown = Task.detached { await servers.shutdown(deadline: .seconds(10)) }
            for socket in sockets {
                #expect(try socket.receive() == TunnelClient.Frame(opcode: Opcode.close, payload: [3, 0xE9]))
                try socket.sendClose(1001)
                #expect(try socket.receive() == nil)
                #expect(socket.response.reset == nil)
                try socket.end()
            }
            #expect(try client.connectionError() == FrameClient.Code.noError)
            #expect(await shutdown.value.isClean)
            #expect(notes.all.sorted() == ["closed 1001", "closed 1001", "shutdown", "shutdown"])
        }
    }

    @Test(
        "N-37, WS-20: sockets whose clients do not close are cut at the deadline, and told", arguments: testedBackends)
    func cut(backend: IOBackend) async throws {
        for _ in 0..<20 {
            if try await areCut(backend) { return }
        }
        Issue.record("the machine is too busy")
    }

    /// Returns false where the shutdown has not waited for the loop, since the machine held that up.
    private func areCut(_ backend: IOBackend) async throws -> Bool {
        let notes = Notes()
        let application = try Application([URLSpec("/", Noted.self, notes)])
        return try await withServers(backend, application, configure: { $0.http2 = HTTP2Configuration() }) { servers in
            let client = try FrameClient(port: servers.port ?? 0)
            let idle = try TunnelClient(client, 1)
            try idle.accepted()
            let busy = try TunnelClient(client, 3)
            try busy.accepted()
            try busy.send("sleep")
            try await notes.wait(for: 1)
            let result = await servers.shutdown(deadline: .milliseconds(300), grace: .zero)
            guard result.blocked.isEmpty else { return false }
            #expect(result.forced == 1)
            #expect(notes.all.count { $0 == "closed -" } == 2)
            #expect(notes.all.count { $0 == "cancelled" } == 1)
            return true
        }
    }
}
