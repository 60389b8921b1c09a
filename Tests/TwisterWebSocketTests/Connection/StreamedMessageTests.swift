import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Counts the bytes of each message, which it gets in pieces.
private final class CountingHandler: WebSocketHandler {
    override var streamsMessages: Bool { true }
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression() }
    override func onMessageStream(_ message: WebSocketMessageStream) async throws {
        var (count, sum, largest) = (0, 0, 0)
        for try await piece in message {
            count += piece.count
            largest = max(largest, piece.count)
            sum = piece.reduce(sum) { $0 &+ Int($1) }
            if count == 1 { return try await writeMessage("enough") }
        }
        try await writeMessage("\(message.isText ? "text" : "binary") \(count) \(sum) \(largest <= 1 << 21)")
    }
}

/// Sends a message in pieces, while another one waits.
private final class PiecesHandler: WebSocketHandler {
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression() }
    override func onMessage(_ message: WebSocketMessage) async throws {
        if message.text == "drop" {
            _ = try await beginMessage()
            return
        }
        let writer = try await beginMessage(isText: true)
        let other = Task(executorPreference: loop) { [held = LoopHeld(self)] in
            try await held.value.writeMessage("after")
        }
        try await sleep(for: .milliseconds(5))
        for piece in ["one, ", "two, ", "three"] { try await writer.write(piece) }
        try await writer.finish()
        try await other.value
        await #expect(throws: WebSocketError.self) { try await writer.write("late") }
    }
}

@Suite("Streamed messages")
struct StreamedMessageTests {
    private let routes = [URLSpec("/count", CountingHandler.self), URLSpec("/pieces", PiecesHandler.self)]

    @Test("WS-2: a handler takes a message of any size in pieces")
    func receiving() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port, "/count")
            let bytes = [UInt8](repeating: 3, count: 1_000_000)
            try client.send(.binary, bytes, isFinal: false)
            for _ in 0..<20 { try client.send(.continuation, bytes, isFinal: false) }
            try client.send(.ping, [1])
            try client.send(.continuation, [])
            #expect(try client.receive()?.opcode == .pong)
            #expect(try client.receiveText() == "binary 21000000 63000000 true")
            try client.send("")
            #expect(try client.receiveText() == "text 0 0 true")
            // The rest of a message that the handler does not want is dropped.
            try client.send(.text, [65], isFinal: false)
            #expect(try client.receiveText() == "enough")
            try client.send(.continuation, Array("the rest".utf8))
            try client.send("ab")
            #expect(try client.receiveText() == "text 2 195 true")
            try client.send(.text, [0xC3], isFinal: false)
            // Before more has come, which is no UTF-8.
            #expect(try client.receiveText() == "enough")
            try client.send(.continuation, [65])
        }
    }

    @Test("WS-2: a compressed message in pieces")
    func receivingCompressed() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port, "/count", fields: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            try client.send(
                .binary, try MessageCompression.packed([UInt8](repeating: 1, count: 5_000_000)), reserved: 0x40)
            let frame = try #require(try client.receive())
            #expect(frame.payload == (try MessageCompression.packed(Array("binary 5000000 5000000 true".utf8))))
        }
    }

    @Test("WS-4: a message is sent in pieces, and others wait until it is complete")
    func sending() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port, "/pieces")
            try client.send("go")
            var text: [UInt8] = []
            var isFinal = false
            while !isFinal {
                let frame = try #require(try client.receive())
                #expect(frame.opcode == (text.isEmpty ? .text : .continuation))
                text += frame.payload
                isFinal = frame.isFinal
            }
            #expect(String(decoding: text, as: UTF8.self) == "one, two, three")
            #expect(try client.receiveText() == "after")
            try client.send("drop")
            #expect(try client.receiveClose() == 1011)
        }
    }
}
