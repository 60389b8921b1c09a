import Glibc
import Testing
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Reads its messages in `open`, which lasts as long as the connection.
private final class LoopingHandler: WebSocketHandler {
    override func open() async throws {
        for try await message in messages { try await writeMessage(message) }
    }
}

/// Takes one piece of each message, and drops the rest.
private final class FirstPieceHandler: WebSocketHandler {
    override var streamsMessages: Bool { true }
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression(minimumSize: 100) }
    override func onMessageStream(_ message: WebSocketMessageStream) async throws {
        let piece = try await message.next() ?? []
        try await writeMessage("\(piece.first ?? 0)")
    }
}

/// Blocks its thread where a message says so, and sends each message back.
private final class BlockingHandler: WebSocketHandler {
    override func onMessage(_ message: WebSocketMessage) async throws {
        if message.text == "block" { usleep(100_000) }
        try await writeMessage(message)
    }
}

@Suite("WebSocket handlers that do not take everything")
struct BusyHandlerTests {
    @Test("WS-9: pings are answered while a handler is busy, and messages behind them arrive")
    func pings() async throws {
        try await onBothBackends([URLSpec("/", LoopingHandler.self)]) { port in
            let client = try SocketClient(port)
            for number: UInt8 in 0..<50 {
                try client.send(.ping, [number])
                try client.send(.pong, [])
                #expect(try client.receive() == SocketClient.Frame(opcode: .pong, payload: [number]))
            }
            try client.send("after")
            #expect(try client.receiveText() == "after")
        }
    }

    @Test("WS-12: messages right before a close frame are answered, where the client ends its side at once")
    func messagesBeforeTheEnd() async throws {
        try await onBothBackends([URLSpec("/", BlockingHandler.self)]) { port in
            // Where the loop is blocked, all of it arrives in one turn.
            for first in ["block", "free"] {
                let client = try SocketClient(port)
                try client.send(first)
                if first == "block" { usleep(30_000) }
                let text = SocketClient.frame(Opcode.text.rawValue, Array("last".utf8))
                try client.send(text + SocketClient.frame(Opcode.close.rawValue, [3, 0xE8]))
                client.client.shutDown()
                #expect(try client.receiveText() == first)
                #expect(try client.receiveText() == "last")
                #expect(try client.receiveClose() == 1000)
            }
        }
    }

    @Test("WS-2, WS-16: a compressed message that is dropped in the middle does not harm the next one")
    func dropped() async throws {
        try await onBothBackends([URLSpec("/", FirstPieceHandler.self)]) { port in
            let client = try SocketClient(port, fields: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            for number: UInt8 in 1...3 {
                var generator = SeededGenerator(seed: UInt64(number))
                let rest = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let packed = try MessageCompression.packed([number] + rest)
                try client.send(.binary, packed, reserved: 0x40)
                #expect(try client.receiveText() == "\(number)")
            }
        }
    }
}
