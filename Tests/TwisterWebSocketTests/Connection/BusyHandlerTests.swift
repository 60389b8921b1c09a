import Glibc
import Testing
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Reads its messages in `open`, which lasts as long as the connection.
private final class LoopingHandler: WebSocketHandler {
    override func open() async throws {
        for try await message in messages {
            if message.text == "block" { usleep(100_000) }
            try await writeMessage(message)
        }
    }
}

/// Sends each message back piece by piece.
private final class PiecesHandler: WebSocketHandler {
    override var streamsMessages: Bool { true }
    override func onMessageStream(_ message: WebSocketMessageStream) async throws {
        let copy = try await beginMessage(isText: message.isText)
        for try await piece in message {
            if piece == Array("block".utf8) { usleep(100_000) }
            try await copy.write(piece)
        }
        try await copy.finish()
    }
}

/// Sends each message back, and then waits for something else than its client.
private final class SleepingHandler: WebSocketHandler {
    override func onMessage(_ message: WebSocketMessage) async throws {
        try await writeMessage(message)
        if message.text == "sleep" { try await Task.sleep(for: .seconds(60)) }
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

    /// Sends messages, perhaps a close frame, and the end of its side, all of which arrive in one turn. Returns the bytes
    /// that come back, and whether a close frame did.
    private func exchange(
        _ port: UInt16, _ path: String, count: Int, size: Int, closes: Bool
    ) throws -> (bytes: Int, isClosed: Bool) {
        let client = try SocketClient(port, path)
        try client.send("block")
        usleep(30_000)
        let message = SocketClient.frame(Opcode.text.rawValue, [UInt8](repeating: 65, count: size))
        var sent = [[UInt8]](repeating: message, count: count).flatMap { $0 }
        if closes { sent += SocketClient.frame(Opcode.close.rawValue, [3, 0xE8]) }
        try client.send(sent)
        client.client.shutDown()
        var bytes = -5
        while let frame = try client.receive() {
            if frame.opcode == .close { return (bytes, true) }
            bytes += frame.payload.count
        }
        return (bytes, false)
    }

    @Test(
        "WS-2, WS-12: all that comes before the end of the client's side is answered, with and without a close frame",
        arguments: ["/", "/loop", "/pieces"])
    func manyBeforeTheEnd(path: String) async throws {
        let routes = [
            URLSpec("/", BlockingHandler.self), URLSpec("/loop", LoopingHandler.self),
            URLSpec("/pieces", PiecesHandler.self),
        ]
        try await onBothBackends(routes) { port in
            // More than is held unread, and more than is sent without a wait.
            for (count, size) in [(1, 5), (200, 1000), (4, 100_000)] {
                for closes in [true, false] {
                    let (bytes, isClosed) = try exchange(port, path, count: count, size: size, closes: closes)
                    #expect(bytes == count * size && isClosed == closes, "\(count) of \(size), close frame: \(closes)")
                }
            }
        }
    }

    @Test("WS-2: what a handler has sent goes out, where its client ends its side while it waits for something else")
    func sleeping() async throws {
        try await onBothBackends([URLSpec("/", SleepingHandler.self)]) { port in
            for _ in 0..<20 {
                let client = try SocketClient(port)
                try client.send("sleep")
                client.client.shutDown()
                #expect(try client.receiveText() == "sleep")
                #expect(try client.receive() == nil)
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
