import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Notes what is called, in order.
private final class NotingHandler: WebSocketHandler {
    private let notes: Notes

    init(_ context: HandlerContext, _ notes: Notes) {
        self.notes = notes
        super.init(context)
    }
    required init(_ context: HandlerContext) {
        notes = Notes()
        super.init(context)
    }

    override func open() async throws {
        try await sleep(for: .milliseconds(20))
        notes.note("open \(pathArguments[0] ?? "")")
        try await writeMessage(json: ["room": pathArguments[0] ?? ""])
    }

    override func onMessage(_ message: WebSocketMessage) async throws {
        notes.note("begin \(message.text ?? "")")
        switch message.text {
        case "slow": try await sleep(for: .milliseconds(50))
        case "wait": try await sleep(for: .seconds(600))
        case "throw": throw WebSocketError(description: "on purpose")
        case "close": close(4001, "bye")
        case "ping": try ping(Array("data".utf8))
        default: try await writeMessage(message)
        }
        notes.note("end \(message.text ?? "")")
    }

    override func onPing(_ data: [UInt8]) async throws { notes.note("ping \(String(decoding: data, as: UTF8.self))") }
    override func onPong(_ data: [UInt8]) async throws { notes.note("pong \(String(decoding: data, as: UTF8.self))") }

    override func onClose() async {
        notes.note("closed \(closeCode.map { "\($0)" } ?? "nil") \(closeReason ?? "nil") \(isOpen)")
        do { try await writeMessage("late") } catch { notes.note("\(type(of: error))") }
    }
}

/// Loops over the messages instead of overriding `onMessage`.
private final class LoopingHandler: WebSocketHandler {
    override func open() async throws {
        for try await message in messages { try await writeMessage("got \(message.text ?? "")") }
    }
}

@Suite("Messages")
struct MessageTests {
    private func withNotes(
        _ body: @escaping (UInt16, Notes) async throws -> Void
    ) async throws {
        for backend in testedBackends {
            let notes = Notes()
            let application = try Application([
                URLSpec("/room/([a-z]+)") { NotingHandler($0, notes) }, URLSpec("/loop", LoopingHandler.self),
                URLSpec("/", EchoHandler.self), URLSpec("/deflate", DeflateHandler.self),
            ])
            try await withServer(backend, application) { try await body($0, notes) }
        }
    }

    @Test("WS-1, WS-2: open comes first, then one message after the other")
    func order() async throws {
        try await withNotes { port, notes in
            let client = try SocketClient(port, "/room/blue")
            try client.send("slow")
            try client.send("fast")
            #expect(try client.receiveText() == #"{"room":"blue"}"#)
            #expect(try client.receiveText() == "fast")
            try await notes.wait(for: 5)
            #expect(notes.all == ["open blue", "begin slow", "end slow", "begin fast", "end fast"])
        }
    }

    @Test("WS-3, WS-6: the client's code and reason are known when it has closed, and nothing can be sent")
    func clientCloses() async throws {
        try await withNotes { port, notes in
            let client = try SocketClient(port, "/room/a")
            _ = try client.receiveText()
            try client.sendClose(4000, "done")
            #expect(try client.receiveClose() == 4000)
            try await notes.wait(for: 3)
            #expect(Array(notes.all.dropFirst()) == ["closed 4000 done false", "WebSocketClosedError"])
            let silent = try SocketClient(port, "/room/a")
            _ = try silent.receiveText()
            try silent.sendClose()
            #expect(try silent.receiveClose() == nil)
        }
    }

    @Test("WS-6: the handler closes: the client gets code and reason, and closes, too")
    func handlerCloses() async throws {
        try await withNotes { port, notes in
            let client = try SocketClient(port, "/room/a")
            _ = try client.receiveText()
            try client.send("close")
            let frame = try #require(try client.receive())
            #expect(frame.opcode == .close)
            #expect(frame.payload == [0x0F, 0xA1] + Array("bye".utf8))
            // What still comes is dropped.
            try client.send("late message")
            try client.sendClose(4001)
            #expect(try client.receive() == nil)
            try await notes.wait(for: 4)
            #expect(notes.all[3] == "closed 4001 nil false")
        }
    }

    @Test("WS-5: pings get pongs in the middle of a message; pongs and pings are told")
    func pings() async throws {
        try await withNotes { port, notes in
            let client = try SocketClient(port, "/room/a")
            _ = try client.receiveText()
            try client.send(.text, Array("Hel".utf8), isFinal: false)
            try client.send(.ping, Array("1".utf8))
            #expect(try client.receive() == SocketClient.Frame(opcode: .pong, payload: Array("1".utf8)))
            try client.send(.continuation, Array("lo".utf8))
            #expect(try client.receiveText() == "Hello")
            try client.send("ping")
            #expect(try client.receive() == SocketClient.Frame(opcode: .ping, payload: Array("data".utf8)))
            try client.send(.pong, Array("data".utf8))
            try await notes.wait(for: 7)
            #expect(notes.all.contains("ping 1") && notes.all.contains("pong data"))
        }
    }

    @Test("WS-2: while a message is dealt with, pings are answered")
    func busy() async throws {
        try await withNotes { port, notes in
            let client = try SocketClient(port, "/room/a")
            _ = try client.receiveText()
            try client.send("wait")
            try await notes.wait(for: 2)
            try client.send(.ping, [7])
            #expect(try client.receive() == SocketClient.Frame(opcode: .pong, payload: [7]))
        }
    }

    @Test("WS-2: the handler's task is cancelled when its client disconnects")
    func disconnect() async throws {
        try await withNotes { port, notes in
            for isOrderly in [true, false] {
                let before = notes.all.count
                let client = try SocketClient(port, "/room/a")
                _ = try client.receiveText()
                try client.send("wait")
                try await notes.wait(for: before + 2)
                if isOrderly { try client.sendClose(1001) } else { client.client.reset() }
                try await notes.wait(for: before + 4)
                let expected = isOrderly ? "closed 1001 nil false" : "closed nil nil false"
                #expect(Array(notes.all[(before + 2)...]) == [expected, "WebSocketClosedError"])
            }
        }
    }

    @Test("WS-2: an error of the handler is told as 1011")
    func failure() async throws {
        try await withNotes { port, notes in
            let client = try SocketClient(port, "/room/a")
            _ = try client.receiveText()
            try client.send("throw")
            #expect(try client.receiveClose() == 1011)
        }
    }

    @Test("WS-2: a handler may loop over the messages")
    func loop() async throws {
        try await withNotes { port, _ in
            let client = try SocketClient(port, "/loop")
            for text in ["one", "two"] {
                try client.send(text)
                #expect(try client.receiveText() == "got \(text)")
            }
            try client.send(Array(SocketClient.frame(1, Array("three".utf8)) + SocketClient.frame(8, [3, 0xE8])))
            #expect(try client.receiveText() == "got three")
            #expect(try client.receiveClose() == 1000)
        }
    }

    @Test("WS-2: messages come whole however they were cut and divided", arguments: ["/", "/deflate"])
    func cuts(path: String) async throws {
        try await withNotes { port, _ in
            let fields = path == "/" ? "" : "Sec-WebSocket-Extensions: permessage-deflate\r\n"
            let client = try SocketClient(port, path, fields: fields)
            let text = Array("Héllo wörld, ½ of a message".utf8)
            var bytes: [UInt8] = []
            for size in [1, 3, 7, text.count] {
                var rest = text[...]
                var opcode: UInt8 = 1
                while !rest.isEmpty {
                    let piece = Array(rest.prefix(size))
                    rest = rest.dropFirst(size)
                    bytes += SocketClient.frame(opcode, piece, isFinal: rest.isEmpty)
                    bytes += SocketClient.frame(10, [])
                    opcode = 0
                }
            }
            for cut in [1, 2, 5, 100] {
                for start in stride(from: 0, to: bytes.count, by: cut) {
                    try client.send(Array(bytes[start..<min(start + cut, bytes.count)]))
                }
                for _ in 0..<4 {
                    let frame = try #require(try client.receive())
                    #expect(frame.opcode == .text && frame.isCompressed == (path != "/"))
                    if !frame.isCompressed { #expect(frame.payload == text) }
                }
            }
        }
    }

    @Test("WS-9: messages are compressed where both sides can do that")
    func deflate() async throws {
        try await withNotes { port, _ in
            let client = try SocketClient(port, "/deflate", fields: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            #expect(
                client.response.field("Sec-WebSocket-Extensions")
                    == "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
            let text = Array(String(repeating: "all the same ", count: 1000).utf8)
            let packed = try MessageCompression.packed(text)
            for _ in 0..<3 {
                try client.send(.text, packed, reserved: 0x40)
                #expect(try client.receive() == SocketClient.Frame(opcode: .text, payload: packed, isCompressed: true))
            }
            let plain = try SocketClient(port, "/deflate")
            #expect(plain.response.field("Sec-WebSocket-Extensions") == nil)
        }
    }
}
