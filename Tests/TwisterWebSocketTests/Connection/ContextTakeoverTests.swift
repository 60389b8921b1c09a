import Testing
import TwisterCompression
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

private final class TakeoverHandler: WebSocketHandler {
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression(contextTakeover: true) }
    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(message) }
}

@Suite("Context takeover")
struct ContextTakeoverTests {
    private let text = Array("a text that is long enough to be worth a reference to an earlier one".utf8)

    private func echoed(_ client: SocketClient) throws -> [UInt8] {
        try client.send(.text, try MessageCompression.packed(text), reserved: 0x40)
        let frame = try #require(try client.receive())
        #expect(frame.isCompressed)
        return frame.payload
    }

    @Test("WS-10: only the connections that have sent something last keep their compressors")
    func bounded() async throws {
        try await onBothBackends([URLSpec("/", TakeoverHandler.self)]) { port in
            let clients = try (0...KeptDeflaters.most).map { _ in
                try SocketClient(port, fields: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            }
            let whole = try MessageCompression.packed(text)
            for client in clients { #expect(try echoed(client) == whole) }
            // The second message of a connection refers to its first one.
            #expect(try echoed(clients[KeptDeflaters.most]).count < 10)
            #expect(try echoed(clients[1]).count < 10)
            // The first connection has lost its compressor, and goes on with a new one.
            #expect(try echoed(clients[0]) == whole)
            #expect(try echoed(clients[0]).count < 10)
            #expect(try echoed(clients[2]) == whole)
        }
    }

    @Test("WS-10: a client's window is kept, and no larger than was agreed on")
    func clientWindow() async throws {
        try await onBothBackends([URLSpec("/", TakeoverHandler.self)]) { port in
            let client = try SocketClient(
                port, fields: "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9\r\n")
            // The second message refers to the first one, across more bytes than the window has.
            let deflater = try MessageDeflater(windowBits: 15, level: 6, memoryLevel: 8)
            func packed(_ bytes: [UInt8]) throws -> [UInt8] {
                var output: [UInt8] = []
                try bytes.withUnsafeBytes { try deflater.compress($0, .message, into: &output) }
                return output
            }
            let noise = (0..<1000).map { UInt8(truncatingIfNeeded: 33 + $0 &* $0 % 89) }
            try client.send(.text, try packed(text + noise), reserved: 0x40)
            #expect(try client.receive()?.opcode == .text)
            try client.send(.text, try packed(text), reserved: 0x40)
            #expect(try client.receiveClose() == 1007)
        }
    }
}
