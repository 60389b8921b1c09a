import Testing
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

private final class LimitHandler: WebSocketHandler {
    override var maxMessageSize: Int { 1024 }
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression() }
    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(message) }
}

@Suite("Strict frames")
struct StrictnessTests {
    private let routes = [
        URLSpec("/", EchoHandler.self), URLSpec("/limit", LimitHandler.self), URLSpec("/deflate", DeflateHandler.self),
    ]

    @Test("WS-15, N-36: each violation gets its code, and the connection is closed")
    func violations() async throws {
        let marks = String(repeating: "\u{301}", count: 31)
        let cases: [(String, [UInt8], UInt16)] = [
            ("unmasked", SocketClient.frame(1, [65], isMasked: false), 1002),
            ("rsv1 without an extension", SocketClient.frame(1, [65], reserved: 0x40), 1002),
            ("rsv2", SocketClient.frame(1, [65], reserved: 0x20), 1002),
            ("reserved opcode", SocketClient.frame(3, [65]), 1002),
            ("reserved control opcode", SocketClient.frame(11, [65]), 1002),
            ("fragmented ping", SocketClient.frame(9, [65], isFinal: false), 1002),
            ("long ping", SocketClient.frame(9, [UInt8](repeating: 65, count: 126)), 1002),
            ("continuation of nothing", SocketClient.frame(0, [65]), 1002),
            (
                "message within a message", SocketClient.frame(1, [65], isFinal: false) + SocketClient.frame(1, [65]),
                1002
            ),
            ("text that is not UTF-8", SocketClient.frame(1, [0xFF]), 1007),
            ("text that ends within a character", SocketClient.frame(1, [0xC3]), 1007),
            ("text with 31 combining marks in a row", SocketClient.frame(1, Array(marks.utf8)), 1007),
            (
                "the same in two frames",
                SocketClient.frame(1, Array(marks.utf8.prefix(20)), isFinal: false)
                    + SocketClient.frame(0, Array(marks.utf8.dropFirst(20))), 1007
            ),
            ("a fragment that is no text", SocketClient.frame(1, [0x41, 0xFF], isFinal: false), 1007),
            ("close with one byte", SocketClient.frame(8, [3]), 1002),
            ("close with a reserved code", SocketClient.frame(8, [3, 0xEE]), 1002),
            ("close with a malformed reason", SocketClient.frame(8, [3, 0xE8, 0xFF]), 1007),
            ("a length beyond all", [0x82, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0], 1002),
            ("5 bytes with a length of 16 bits", [0x81, 0xFE, 0, 5, 0, 0, 0, 0] + Array("hello".utf8), 1002),
            ("5 bytes with a length of 64 bits", [0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5], 1002),
        ]
        try await onBothBackends(routes) { port in
            for (name, bytes, code) in cases {
                let client = try SocketClient(port)
                try client.send(bytes)
                #expect(try client.receiveClose() == code, "\(name)")
            }
        }
    }

    @Test("N-36: text is refused within a frame, as soon as it cannot be text")
    func failFast() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port)
            let frame = SocketClient.frame(1, Array("valid so far".utf8) + [0xFF] + [UInt8](repeating: 65, count: 500))
            // The rest of the frame never comes.
            try client.send(Array(frame[..<24]))
            #expect(try client.receiveClose() == 1007)
        }
    }

    @Test("WS-12: messages over the limit get 1009, before and after they are decompressed")
    func limits() async throws {
        try await onBothBackends(routes) { port in
            let fits = try SocketClient(port, "/limit")
            try fits.send(.binary, [UInt8](repeating: 1, count: 1024))
            #expect(try fits.receive()?.payload.count == 1024)
            try fits.send(Array(SocketClient.frame(2, [UInt8](repeating: 1, count: 1025))[..<20]))
            #expect(try fits.receiveClose() == 1009)
            let fragments = try SocketClient(port, "/limit")
            let half = [UInt8](repeating: 1, count: 600)
            try fragments.send(.binary, half, isFinal: false)
            try fragments.send(.continuation, half, isFinal: false)
            #expect(try fragments.receiveClose() == 1009)
            let huge = try SocketClient(port, "/limit")
            try huge.send([0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4])
            #expect(try huge.receiveClose() == 1009)
            let bomb = try SocketClient(port, "/limit", fields: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            let packed = try MessageCompression.packed([UInt8](repeating: 0, count: 100_000))
            try bomb.send(.binary, packed, reserved: 0x40)
            #expect(try bomb.receiveClose() == 1009)
            // Empty blocks of 5 bytes, of which nothing remains when they are decompressed.
            let hollow = try SocketClient(port, "/limit", fields: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            let blocks = [[UInt8]](repeating: [0, 0, 0, 0xFF, 0xFF], count: 120).flatMap { $0 }
            try hollow.send(.binary, blocks, isFinal: false, reserved: 0x40)
            try hollow.send(.continuation, blocks, isFinal: false)
            #expect(try hollow.receiveClose() == 1009)
        }
    }

    @Test("WS-10: compressed data that is malformed gets 1007; RSV1 on a continuation gets 1002")
    func compressed() async throws {
        try await onBothBackends(routes) { port in
            func client() throws -> SocketClient {
                try SocketClient(port, "/deflate", fields: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            }
            let malformed = try client()
            try malformed.send(.text, [0xFF, 0xFF, 0xFF], reserved: 0x40)
            #expect(try malformed.receiveClose() == 1007)
            let continued = try client()
            try continued.send(.text, Array("a".utf8), isFinal: false)
            try continued.send(.continuation, Array("b".utf8), reserved: 0x40)
            #expect(try continued.receiveClose() == 1002)
        }
    }

    @Test("WS-10: a compressed message that breaks off is refused, and not given to the handler in part")
    func brokenOff() async throws {
        let packed = try MessageCompression.packed(Array("a text that must come as a whole, or not at all".utf8))
        try await onBothBackends(routes) { port in
            for size in [1, packed.count / 2, packed.count - 3] {
                let client = try SocketClient(
                    port, "/deflate", fields: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
                try client.send(.text, Array(packed[..<size]), reserved: 0x40)
                #expect(try client.receiveClose() == 1007, "\(size) of \(packed.count) bytes")
            }
        }
    }
}
