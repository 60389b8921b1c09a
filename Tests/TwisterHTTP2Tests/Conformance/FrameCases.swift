import Testing

extension ConformanceCase {
    private typealias FrameType = FrameClient.FrameType
    private typealias Code = FrameClient.Code

    /// RFC 9113, 6.1 to 6.8 and 6.10.
    static let frames: [ConformanceCase] = data + headers + priorityAndReset + settings + others + continuations

    private static let data: [ConformanceCase] = [
        Self("6.1 DATA of stream 0", protocolError) { try $0.data(0, [1]) },
        Self("6.1 DATA with padding", .served) {
            try $0.post(1)
            try $0.send(
                FrameType.data, flags: 8, stream: 1,
                payload: [6] + Array("hello".utf8) + [UInt8](repeating: 0, count: 6))
            try $0.send(FrameType.data, flags: 9, stream: 1, payload: [0] + Array("!".utf8))
            #expect(try $0.response(1).text == "POST /echo hello!")
        },
        Self("6.1 padding alone counts in the windows, which open again", .served) {
            try $0.post(1)
            for _ in 0..<40 {
                try $0.send(FrameType.data, flags: 8, stream: 1, payload: [255] + [UInt8](repeating: 0, count: 255))
            }
            try $0.data(1, Array("x".utf8), end: true)
            #expect(try $0.response(1).text == "POST /echo x")
        },
        Self("6.1 padding as long as the payload", protocolError) {
            try $0.post(1)
            try $0.send(FrameType.data, flags: 9, stream: 1, payload: [6, 1, 2, 3, 4, 5])
        },
        Self("6.1 DATA without the length of its padding", .connection([Code.protocolError, Code.frameSize])) {
            try $0.post(1)
            try $0.send(FrameType.data, flags: 9, stream: 1)
        },
    ]

    private static let block = FrameClient.block(FrameClient.request("GET", "/"))

    private static let headers: [ConformanceCase] = [
        Self("6.2 HEADERS of stream 0", protocolError) { try $0.headerBlock(0, block) },
        Self("6.2 HEADERS with padding", .served) {
            try $0.headerBlock(1, [3] + block + [0, 0, 0], flags: 13)
            #expect(try $0.response(1).status == 200)
        },
        Self("6.2 HEADERS with padding and priority", .served) {
            try $0.headerBlock(1, [3, 0, 0, 0, 0, 7] + block + [0, 0, 0], flags: 0x2D)
            #expect(try $0.response(1).status == 200)
        },
        Self("6.2 padding as long as the payload", protocolError) { try $0.headerBlock(1, [255] + block, flags: 13) },
        Self("6.2 HEADERS too short for their priority", frameSize) { try $0.headerBlock(1, [0, 0, 0], flags: 0x25) },
        Self("6.2 HEADERS too short for their padding", .connection([Code.protocolError, Code.frameSize])) {
            try $0.headerBlock(1, [], flags: 13)
        },
    ]

    private static let priorityAndReset: [ConformanceCase] = [
        Self("6.3 PRIORITY of stream 0", protocolError) {
            try $0.send(FrameType.priority, payload: [0, 0, 0, 0, 1])
        },
        Self("6.3 PRIORITY of another length", .connection([Code.frameSize])) {
            try $0.send(FrameType.priority, stream: 1, payload: [0, 0, 0, 1])
        },
        Self("6.4 RST_STREAM of stream 0", protocolError) {
            try $0.send(FrameType.reset, payload: FrameClient.number(8))
        },
        Self("6.4 RST_STREAM of another length", frameSize) {
            try $0.wait(1)
            try $0.send(FrameType.reset, stream: 1, payload: [0, 0, 8])
        },
        Self("6.4 RST_STREAM of an even stream", protocolError) {
            try $0.send(FrameType.reset, stream: 2, payload: FrameClient.number(8))
        },
        Self("6.6 PUSH_PROMISE", protocolError) {
            try $0.wait(1)
            try $0.send(FrameType.pushPromise, flags: 4, stream: 1, payload: FrameClient.number(2) + block)
        },
    ]

    private static func setting(_ name: String, _ demand: Demand, _ entries: [(UInt16, UInt32)]) -> ConformanceCase {
        Self("6.5.2 \(name)", demand) { try $0.settings(entries) }
    }

    private static let settings: [ConformanceCase] = [
        Self("6.5 SETTINGS with ACK and a payload", frameSize) {
            try $0.send(FrameType.settings, flags: 1, payload: FrameClient.settings([(4, 1)]))
        },
        Self("6.5 SETTINGS of a stream", protocolError) {
            try $0.send(FrameType.settings, stream: 1, payload: FrameClient.settings([(4, 1)]))
        },
        Self("6.5 SETTINGS of a length that is no multiple of 6", frameSize) {
            try $0.send(FrameType.settings, payload: [0, 4, 0])
        },
        setting("ENABLE_PUSH is 2", protocolError, [(2, 2)]),
        setting("INITIAL_WINDOW_SIZE is 2^31", flowControl, [(4, 1 << 31)]),
        setting("MAX_FRAME_SIZE is 2^14 - 1", protocolError, [(5, 16_383)]),
        setting("MAX_FRAME_SIZE is 2^24", protocolError, [(5, 1 << 24)]),
        setting("ENABLE_CONNECT_PROTOCOL is 2", protocolError, [(8, 2)]),
        setting(
            "what is allowed at most", .served,
            [(1, .max), (2, 0), (3, .max), (4, 1 << 31 - 1), (5, 1 << 24 - 1), (6, .max)]),
        setting("zero", .served, [(1, 0), (3, 0), (6, 0)]),
        setting("unknown settings", .served, [(0xFF, 1), (0, 7), (0xFFFF, .max)]),
        Self("6.5.3 the last value of a setting holds", .served) {
            try $0.settings([(4, 100), (4, 1)])
            $0.opensWindows = false
            try $0.get(1)
            try $0.receiveBody(1, 1)
            try $0.openWindow(1, 1000)
            #expect(try $0.response(1).text == "GET / ")
        },
        Self("6.5.3 each SETTINGS is acknowledged", .served) { client in
            let count = client.others.count { $0.type == FrameType.settings && $0.flags & 1 == 1 }
            for _ in 0..<5 { try client.settings([(4, 70_000)]) }
            try client.ping()
            #expect(client.others.count { $0.type == FrameType.settings && $0.flags & 1 == 1 } == count + 5)
        },
    ]

    private static let others: [ConformanceCase] = [
        Self("6.7 PING is sent back as it came", .served) {
            try $0.send(FrameType.ping, payload: Array("opaque!!".utf8))
            try $0.ping()
            #expect(
                $0.others.contains {
                    $0.type == FrameType.ping && $0.flags == 1 && $0.payload == Array("opaque!!".utf8)
                })
        },
        Self("6.7 PING with ACK is not", .served) {
            try $0.send(FrameType.ping, flags: 1, payload: Array("unasked!".utf8))
            try $0.ping()
            #expect(!$0.others.contains { $0.payload == Array("unasked!".utf8) })
        },
        Self("6.7 PING of a stream", protocolError) {
            try $0.send(FrameType.ping, stream: 1, payload: [UInt8](repeating: 1, count: 8))
        },
        Self("6.7 PING of another length", frameSize) { try $0.send(FrameType.ping, payload: [1, 2, 3, 4, 5, 6]) },
        Self("6.8 GOAWAY of a stream", protocolError) {
            try $0.send(FrameType.goAway, stream: 1, payload: FrameClient.number(0) + FrameClient.number(0))
        },
        Self("6.8 GOAWAY that is too short", frameSize) {
            try $0.send(FrameType.goAway, payload: FrameClient.number(0))
        },
        Self(
            "6.8 behind GOAWAY with an unknown code, the connection ends once its streams are over",
            .connection([Code.noError])
        ) {
            try $0.headers(1, FrameClient.request("GET", "/sleep?100"))
            try $0.send(
                FrameType.goAway, payload: FrameClient.number(0) + FrameClient.number(0xFF) + Array("debug".utf8))
            #expect(try $0.response(1).text == "slept")
        },
    ]

    private static let continuations: [ConformanceCase] = [
        Self("6.10 a header block in several frames", .served) {
            try $0.headerBlock(1, Array(block.prefix(5)), flags: 1)
            try $0.continuation(1, Array(block.dropFirst(5).prefix(7)), end: false)
            try $0.continuation(1, [], end: false)
            try $0.continuation(1, Array(block.dropFirst(12)))
            #expect(try $0.response(1).status == 200)
        },
        Self("6.10 HEADERS behind CONTINUATION that does not end the block", protocolError) {
            try $0.headerBlock(1, Array(block.prefix(5)), flags: 1)
            try $0.continuation(1, Array(block.dropFirst(5)), end: false)
            try $0.get(3)
        },
        Self("6.10 CONTINUATION of stream 0", protocolError) {
            try $0.headerBlock(1, block, flags: 1)
            try $0.continuation(0)
        },
        Self("6.10 CONTINUATION of another stream", protocolError) {
            try $0.headerBlock(1, block, flags: 1)
            try $0.continuation(3)
        },
        Self("6.10 CONTINUATION behind HEADERS that end the block", protocolError) {
            try $0.post(1)
            try $0.continuation(1, FrameClient.block([("a", "b")]))
        },
        Self("6.10 CONTINUATION behind CONTINUATION that ends the block", protocolError) {
            try $0.headerBlock(1, Array(block.prefix(5)), flags: 0)
            try $0.continuation(1, Array(block.dropFirst(5)))
            try $0.continuation(1, FrameClient.block([("a", "b")]))
        },
        Self("6.10 CONTINUATION behind DATA", protocolError) {
            try $0.post(1)
            try $0.data(1, [1])
            try $0.continuation(1, FrameClient.block([("a", "b")]))
        },
        Self("6.10 CONTINUATION at first", protocolError) { try $0.continuation(1, block) },
    ]
}
