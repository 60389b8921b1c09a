import Testing

extension ConformanceCase {
    private typealias FrameType = FrameClient.FrameType
    private typealias Code = FrameClient.Code

    /// RFC 9113, 3 to 5.
    static let streams: [ConformanceCase] = formats + idle + halfClosed + closed + numbers + extensions

    private static let formats: [ConformanceCase] = [
        Self("4.1 a frame of unknown type is ignored", .served) { try $0.send(0xFE, flags: 255, payload: [1, 2, 3]) },
        Self("4.1 undefined flags are ignored", .served) {
            try $0.send(FrameType.ping, flags: 0xFE, payload: [UInt8](repeating: 1, count: 8))
        },
        Self("4.1 the reserved bit is ignored", .served) {
            try $0.send(FrameType.ping, stream: 1 << 31, payload: [UInt8](repeating: 1, count: 8))
            try $0.headers(1 << 31 | 1, FrameClient.request("GET", "/"))
            #expect(try $0.response(1).status == 200)
        },
        Self("4.2 DATA of 2^14 octets", .served) {
            try $0.post(1)
            try $0.data(1, [UInt8](repeating: 97, count: 16_384), end: true)
            #expect(try $0.response(1).status == 200)
        },
        Self("4.2 DATA that is too large", .stream([Code.frameSize])) {
            try $0.post(1)
            try $0.data(1, [UInt8](repeating: 97, count: 16_385), end: true)
        },
        Self("4.2 HEADERS that are too large", frameSize) {
            let long = [("x", String(repeating: "a", count: 16_400))]
            try $0.headerBlock(1, FrameClient.block(FrameClient.request("GET", "/", long)))
        },
        Self("4.2 SETTINGS that are too large", frameSize) {
            try $0.send(FrameType.settings, payload: [UInt8](repeating: 0, count: 16_386))
        },
        Self("4.2 an unknown frame that is too large", frameSize) {
            try $0.send(0xFE, payload: [UInt8](repeating: 0, count: 16_385))
        },
        Self("4.3 a header block that cannot be decoded", compressionError) {
            try $0.headerBlock(1, [0x82, 0xFF, 0xFF, 0xFF])
        },
        Self("4.3 PRIORITY within a header block", protocolError) {
            try $0.headerBlock(1, FrameClient.block(FrameClient.request("GET", "/")), flags: 1)
            try $0.send(FrameType.priority, stream: 1, payload: [0, 0, 0, 0, 1])
        },
        Self("4.3 HEADERS of another stream within a header block", protocolError) {
            try $0.headerBlock(1, FrameClient.block(FrameClient.request("GET", "/")), flags: 1)
            try $0.get(3)
        },
        Self("4.3 PING within a header block", protocolError) {
            try $0.headerBlock(1, FrameClient.block(FrameClient.request("GET", "/")), flags: 1)
            try $0.send(FrameType.ping, payload: [UInt8](repeating: 1, count: 8))
        },
        Self("4.3 DATA of the same stream within a header block", protocolError) {
            try $0.headerBlock(1, FrameClient.block(FrameClient.request("POST", "/")), flags: 0)
            try $0.data(1, [1], end: true)
        },
    ]

    private static let idle: [ConformanceCase] = [
        Self("5.1 idle: DATA", protocolError) { try $0.data(1, [1], end: true) },
        Self("5.1 idle: RST_STREAM", protocolError) {
            try $0.send(FrameType.reset, stream: 1, payload: FrameClient.number(Code.cancel))
        },
        Self("5.1 idle: WINDOW_UPDATE", protocolError) { try $0.openWindow(1, 100) },
        Self("5.1 idle: CONTINUATION", protocolError) { try $0.continuation(1, FrameClient.block([("a", "b")])) },
        Self("5.1 idle: PRIORITY is allowed", .served) {
            try $0.send(FrameType.priority, stream: 1, payload: [0, 0, 0, 0, 1])
            try $0.close(1)
        },
    ]

    private static let halfClosed: [ConformanceCase] = [
        Self("5.1 half-closed (remote): DATA", .stream([Code.streamClosed])) {
            try $0.wait(1)
            try $0.data(1, [1], end: true)
        },
        Self("5.1 half-closed (remote): HEADERS", .stream([Code.streamClosed])) {
            try $0.wait(1)
            try $0.get(1)
        },
        Self("5.1 half-closed (remote): CONTINUATION", protocolError) {
            try $0.wait(1)
            try $0.continuation(1, FrameClient.block([("a", "b")]))
        },
        Self("5.1 half-closed (remote): WINDOW_UPDATE, PRIORITY and RST_STREAM are allowed", .served) {
            try $0.wait(1)
            try $0.openWindow(1, 1)
            try $0.send(FrameType.priority, stream: 1, payload: [0, 0, 0, 0, 1])
            try $0.send(FrameType.reset, stream: 1, payload: FrameClient.number(Code.cancel))
        },
        Self("5.1 half-closed (remote) behind a body: DATA", .stream([Code.streamClosed])) {
            try $0.headers(1, FrameClient.request("POST", "/sleep"), end: false)
            try $0.data(1, [1], end: true)
            try $0.data(1, [1], end: true)
        },
    ]

    private static let closed: [ConformanceCase] = [
        Self("5.1 closed by the client's RST_STREAM: DATA", .stream([Code.streamClosed])) {
            try $0.giveUp(1)
            try $0.data(1, [1], end: true)
        },
        Self("5.1 closed by the client's RST_STREAM: HEADERS", .stream([Code.streamClosed])) {
            try $0.giveUp(1)
            try $0.get(1)
        },
        Self("5.1 closed by the client's RST_STREAM: CONTINUATION", protocolError) {
            try $0.giveUp(1)
            try $0.continuation(1, FrameClient.block([("a", "b")]))
        },
        Self("5.1 closed by the client's RST_STREAM, and the server has seen it: DATA", .stream([Code.streamClosed])) {
            try $0.giveUp(1)
            try $0.ping()
            try $0.data(1, [], end: true)
        },
        Self("5.1 closed: DATA", streamClosed) {
            try $0.close(1)
            try $0.data(1, [1], end: true)
        },
        Self("5.1 closed: HEADERS", streamClosed) {
            try $0.close(1)
            try $0.get(1)
        },
        Self("5.1 closed, with another behind it: HEADERS", streamClosed) {
            try $0.close(1)
            try $0.close(3)
            try $0.get(1)
        },
        Self("5.1 closed: CONTINUATION", .connection([Code.streamClosed, Code.protocolError])) {
            try $0.close(1)
            try $0.continuation(1, FrameClient.block([("a", "b")]))
        },
        Self("5.1 closed: PRIORITY, WINDOW_UPDATE and RST_STREAM are allowed", .served) {
            try $0.close(1)
            try $0.send(FrameType.priority, stream: 1, payload: [0, 0, 0, 0, 1])
            try $0.openWindow(1, 1)
            try $0.send(FrameType.reset, stream: 1, payload: FrameClient.number(Code.cancel))
        },
        Self("5.1 closed by the server's RST_STREAM: what the client had sent is ignored", .served) {
            try $0.headers(1, FrameClient.request("POST", "/echo", [("connection", "close")]), end: false)
            #expect(try $0.response(1).reset == Code.protocolError)
            try $0.data(1, [1, 2, 3])
            try $0.openWindow(1, 100)
            try $0.headers(1, [("a", "b")])
        },
        Self("5.1 closed by the server's RST_STREAM, and ended by the client: DATA", streamClosed) {
            try $0.headers(1, FrameClient.request("POST", "/echo", [("connection", "close")]), end: false)
            #expect(try $0.response(1).reset == Code.protocolError)
            try $0.data(1, [1, 2, 3], end: true)
            try $0.data(1, [1, 2, 3])
        },
        Self("5.1 closed: what HPACK has learnt of an ignored block holds", .served) {
            try $0.headers(1, FrameClient.request("POST", "/echo", [("connection", "close")]), end: false)
            #expect(try $0.response(1).reset == Code.protocolError)
            try $0.headerBlock(1, [0x40] + FrameClient.block([(":path", "/learnt")]).dropFirst())
            try $0.headerBlock(3, [0x82, 0x86, 0xBE, 0x41, 1, 97])
            #expect(try $0.response(3).text == "GET /learnt ")
        },
    ]

    private static let numbers: [ConformanceCase] = [
        Self("5.1.1 an even number", protocolError) { try $0.get(2) },
        Self("5.1.1 a number that was passed over", protocolError) {
            try $0.close(5)
            try $0.get(3)
        },
        Self("5.1.1 a number that was passed over, while the later stream is open", protocolError) {
            try $0.wait(5)
            try $0.get(1)
        },
        Self("5.1.1 numbers may be passed over", .served) {
            try $0.close(5)
            try $0.close(101)
        },
        Self("5.1.2 more streams than announced", .connection([Code.protocolError, Code.refusedStream])) {
            for index in 0..<101 { try $0.wait(UInt32(2 * index + 1)) }
        },
        Self("RFC 7540 5.3.1: PRIORITY of a stream that depends on itself", protocolError) {
            try $0.wait(1)
            try $0.send(FrameType.priority, stream: 1, payload: [0x80, 0, 0, 1, 15])
        },
        Self("RFC 7540 5.3.1: the same of an idle stream", protocolError) {
            try $0.send(FrameType.priority, stream: 3, payload: [0, 0, 0, 3, 15])
        },
        Self("5.3 PRIORITY and HEADERS with any weight and any other stream", .served) {
            try $0.send(FrameType.priority, stream: 1, payload: [0, 0, 0, 0, 0])
            try $0.send(FrameType.priority, stream: 3, payload: [0x80, 0, 0, 1, 255])
            try $0.send(FrameType.priority, stream: 401, payload: [0, 0, 0, 1, 15])
            let block = FrameClient.block(FrameClient.request("GET", "/"))
            try $0.headerBlock(1, [0x80, 0, 0, 0, 255] + block, flags: 0x25)
            #expect(try $0.response(1).status == 200)
        },
    ]

    private static let extensions: [ConformanceCase] = [
        Self("5.4.1 GOAWAY comes before the end, whatever the client goes on to send", protocolError) { client in
            try client.openWindow(0, 0)
            for _ in 0..<50 { try? client.send(0xFE, payload: [UInt8](repeating: 1, count: 10_000)) }
        },
        Self("5.5 an unknown frame of a stream", .served) {
            try $0.wait(1)
            try $0.send(0xAB, stream: 1, payload: [1, 2])
        },
        Self("5.5 an unknown frame within a header block", protocolError) {
            try $0.headerBlock(1, FrameClient.block(FrameClient.request("GET", "/")), flags: 1)
            try $0.send(0xAB, stream: 1, payload: [1, 2])
        },
        Self("RFC 9218 7.1: PRIORITY_UPDATE", .served) {
            try $0.send(FrameType.priorityUpdate, payload: FrameClient.number(1) + Array("u=1".utf8))
            try $0.close(1)
            try $0.send(FrameType.priorityUpdate, payload: FrameClient.number(1) + Array("u=2".utf8))
        },
        Self("RFC 9218 7.1: PRIORITY_UPDATE of a stream", protocolError) {
            try $0.send(FrameType.priorityUpdate, stream: 1, payload: FrameClient.number(1))
        },
        Self("RFC 9218 7.1: PRIORITY_UPDATE for stream 0", protocolError) {
            try $0.send(FrameType.priorityUpdate, payload: FrameClient.number(0))
        },
        Self("RFC 9218 7.1: PRIORITY_UPDATE without a number", frameSize) {
            try $0.send(FrameType.priorityUpdate, payload: [0])
        },
    ]
}
