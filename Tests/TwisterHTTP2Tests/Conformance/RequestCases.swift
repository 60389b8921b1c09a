import Testing

extension ConformanceCase {
    private typealias FrameType = FrameClient.FrameType
    private typealias Code = FrameClient.Code

    /// RFC 9113, 7 and 8. `MalformedRequestTests` has each malformed head.
    static let requests: [ConformanceCase] = methods + messages + fields + lengths

    private static let methods: [ConformanceCase] = [
        Self("8.1 GET, HEAD, POST and POST with trailers", .served) {
            #expect(try $0.ask(1, "GET", "/").text == "GET / ")
            let head = try $0.ask(3, "HEAD", "/")
            #expect(head.status == 200 && head.body.isEmpty)
            try $0.post(5)
            try $0.data(5, Array("one".utf8), end: true)
            #expect(try $0.response(5).text == "POST /echo one")
            try $0.post(7)
            try $0.data(7, Array("two".utf8))
            try $0.headers(7, [("x-sum", "1")])
            #expect(try $0.response(7).text == "POST /echo two")
        },
        Self("7 RST_STREAM with an unknown code", .served) {
            try $0.wait(1)
            try $0.send(FrameType.reset, stream: 1, payload: FrameClient.number(0xFF))
        },
        Self("8.5 CONNECT has an authority alone", .served) {
            try $0.headers(1, [(":method", "CONNECT"), (":authority", "a:443")])
            let response = try $0.response(1)
            #expect(response.reset == nil && response.status != nil)
        },
        Self("8.5 CONNECT with a scheme", streamProtocolError) {
            try $0.headers(1, [(":method", "CONNECT"), (":scheme", "http"), (":authority", "a:443")])
        },
        Self("8.5 CONNECT without an authority", streamProtocolError) { try $0.headers(1, [(":method", "CONNECT")]) },
        Self("8.3.1 a request with Host instead of :authority", .served) {
            try $0.headers(1, [(":method", "GET"), (":scheme", "http"), (":path", "/version"), ("host", "h")])
            #expect(try $0.response(1).text == "HTTP/2.0 h h")
        },
    ]

    private static let messages: [ConformanceCase] = [
        Self("8.1 second HEADERS that do not end the stream", streamProtocolError) {
            try $0.post(1)
            try $0.headers(1, [("x-test", "1")], end: false)
        },
        Self("8.1 second HEADERS that are a request", streamProtocolError) {
            try $0.post(1)
            try $0.headers(1, FrameClient.request("POST", "/echo"))
        },
        Self("8.1 a pseudo-field in trailers", streamProtocolError) {
            try $0.post(1)
            try $0.data(1, [1])
            try $0.headers(1, [(":method", "GET")])
        },
        Self("8.1 an unknown pseudo-field in trailers", streamProtocolError) {
            try $0.post(1)
            try $0.headers(1, [("x", "1"), (":colour", "red")])
        },
        Self("8.2.1 a capital letter in trailers", streamProtocolError) {
            try $0.post(1)
            try $0.headers(1, [("X-Sum", "1")])
        },
        Self("8.2.2 a field of the connection in trailers", streamProtocolError) {
            try $0.post(1)
            try $0.headers(1, [("connection", "close")])
        },
        Self("8.2.1 NUL in a trailer", streamProtocolError) {
            try $0.post(1)
            try $0.headers(1, [("x", "a\0b")])
        },
    ]

    private static func field(_ name: String, _ value: String) -> ConformanceCase {
        Self("8.2.1 \(name.debugDescription): \(value.debugDescription)", streamProtocolError) {
            try $0.headers(1, FrameClient.request("GET", "/", [(name, value)]))
        }
    }

    /// A request whose field has an octet that is no UTF-8.
    private static func octet(_ octet: UInt8, inName: Bool, _ demand: Demand) -> ConformanceCase {
        Self("8.2.1 the octet \(octet) in a \(inName ? "name" : "value")", demand) {
            let field: [UInt8] = inName ? [0, 2, 120, octet, 1, 49] : [0, 1, 120, 3, 97, octet, 98]
            try $0.headerBlock(1, FrameClient.block(FrameClient.request("GET", "/")) + field)
            if demand.kind == .served { #expect(try $0.response(1).status == 200) }
        }
    }

    private static let fields: [ConformanceCase] =
        [
            ("connection", ""), ("te", "trailers, gzip"), ("te", ""), ("transfer-encoding", "identity"), (" x", "1"),
            ("x\t", "1"),
        ]
        .map(field)
        + [0x00, 0x0A, 0x20, 0x22, 0x28, 0x3B, 0x41, 0x5A, 0x7B, 0x7F, 0x80, 0xFF].map {
            octet($0, inName: true, streamProtocolError)
        }
        + [0x00, 0x0A, 0x0D].map { octet($0, inName: false, streamProtocolError) }
        + [0x09, 0x20, 0x80, 0xFF].map { octet($0, inName: false, .served) }

    private static func length(_ name: String, _ values: [String], _ pieces: [Int]) -> ConformanceCase {
        Self("8.1.1 \(name)", streamProtocolError) {
            try $0.post(1, values.map { ("content-length", $0) })
            for (index, count) in pieces.enumerated() {
                try $0.data(1, [UInt8](repeating: 97, count: count), end: index == pieces.count - 1)
            }
        }
    }

    private static let lengths: [ConformanceCase] = [
        length("more than Content-Length in one frame", ["1"], [4]),
        length("more than Content-Length in several frames", ["5"], [4, 4]),
        length("less than Content-Length", ["9"], [4, 4]),
        length("nothing of a Content-Length", ["9"], [0]),
        length("two Content-Lengths that differ", ["4", "5"], [4]),
        length("a negative Content-Length", ["-4"], [4]),
        length("a Content-Length of 2^64 + 4", ["18446744073709551620"], [4]),
        length("an empty Content-Length", [""], [0]),
        length("a Content-Length with a sign", ["+4"], [4]),
        Self("8.1.1 trailers before all of Content-Length", streamProtocolError) {
            try $0.post(1, [("content-length", "4")])
            try $0.data(1, [1])
            try $0.headers(1, [("x", "1")])
        },
        Self("8.1.1 a body of Content-Length in pieces", .served) {
            try $0.post(1, [("content-length", "4")])
            try $0.data(1, [97, 98])
            try $0.data(1, [99, 100])
            try $0.data(1, [], end: true)
            #expect(try $0.response(1).text == "POST /echo abcd")
        },
    ]
}
