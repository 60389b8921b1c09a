import Testing

@testable import TwisterCodec

@Suite("Response encoder")
struct ResponseEncoderTests {
    private func encode(
        _ head: ResponseHead, server: String? = nil, _ framing: ResponseEncoder.Framing = .none,
        _ persistence: ResponseEncoder.Persistence = .implied, date: CachedDate? = nil
    ) throws -> String {
        let encoder = try ResponseEncoder(server: server)
        return written(upTo: encoder.upperBound(head)) {
            encoder.encode(
                head, framing: framing, persistence: persistence, date: date, at: 784_111_777, into: $0)
        }
    }

    private func written(upTo bound: Int, _ body: (UnsafeMutableRawPointer) -> Int) -> String {
        let space = UnsafeMutableRawBufferPointer.allocate(byteCount: bound, alignment: 16)
        defer { space.deallocate() }
        guard let base = space.baseAddress else { return "" }
        let count = body(base)
        #expect(count <= bound)
        return String(decoding: space[..<count], as: UTF8.self)
    }

    @Test("W-1: a complete head")
    func complete() throws {
        let head = ResponseHead()
        try head.set("Content-Type", "text/plain; charset=utf-8")
        try head.add("Set-Cookie", "a=b")
        try head.add("Set-Cookie", "c=\u{e9}")
        #expect(
            try encode(head, server: "Twister", .length(13), .close, date: CachedDate()) == """
                HTTP/1.1 200 OK\r
                Server: Twister\r
                Date: Sun, 06 Nov 1994 08:49:37 GMT\r
                Content-Type: text/plain; charset=utf-8\r
                Set-Cookie: a=b\r
                Set-Cookie: c=\u{e9}\r
                Content-Length: 13\r
                Connection: close\r
                \r

                """)
    }

    @Test("Fields that the application set are not written twice")
    func overrides() throws {
        let head = ResponseHead()
        try head.set("date", "x")
        try head.set("SERVER", "y")
        try head.set("Connection", "close")
        #expect(
            try encode(head, server: "Twister", .chunked, .close, date: CachedDate())
                == "HTTP/1.1 200 OK\r\ndate: x\r\nSERVER: y\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    @Test("1xx and 204 have no framing fields", arguments: [101, 204])
    func noFraming(status: Int) throws {
        let head = ResponseHead()
        try head.setStatus(status)
        #expect(try encode(head, .length(5)) == "HTTP/1.1 \(status) \(ReasonPhrase.of(status))\r\n\r\n")
        #expect(try encode(head, .chunked) == "HTTP/1.1 \(status) \(ReasonPhrase.of(status))\r\n\r\n")
    }

    @Test("Reason phrases: usual, own, empty, unknown")
    func reasons() throws {
        let head = ResponseHead()
        try head.setStatus(431)
        #expect(
            try encode(head, .length(.max), .keepAlive) == """
                HTTP/1.1 431 Request Header Fields Too Large\r
                Content-Length: 9223372036854775807\r
                Connection: keep-alive\r
                \r

                """)
        try head.setStatus(200, reason: "Fine")
        #expect(try encode(head) == "HTTP/1.1 200 Fine\r\n\r\n")
        try head.setStatus(299, reason: "")
        #expect(try encode(head) == "HTTP/1.1 299 \r\n\r\n")
        try head.setStatus(999)
        #expect(try encode(head) == "HTTP/1.1 999 Unknown\r\n\r\n")
    }

    @Test("Informational responses have no fields but their own")
    func informational() throws {
        let head = ResponseHead()
        try head.setStatus(103)
        try head.add("Link", "</style.css>; rel=preload")
        let text = written(upTo: ResponseEncoder.informationalUpperBound(head)) {
            ResponseEncoder.encodeInformational(head, into: $0)
        }
        #expect(text == "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    }

    @Test(
        "Chunk heads",
        arguments: [
            (1, "1"), (9, "9"), (10, "a"), (15, "f"), (16, "10"), (65_535, "ffff"), (Int.max, "7fffffffffffffff"),
        ])
    func chunkHeads(size: Int, digits: String) {
        let line = written(upTo: ChunkEncoder.headUpperBound) { ChunkEncoder.encodeHead(size, into: $0) }
        #expect(line == digits + "\r\n")
    }

    @Test("Trailers, without fields that are not allowed as such")
    func trailers() throws {
        var trailers = ResponseTrailers()
        try trailers.add("X-Sum", "1")
        #expect(throws: HTTPHeaderError.reserved(name: "Content-Length")) { try trailers.add("Content-Length", "1") }
        let text = written(upTo: ChunkEncoder.lastChunkUpperBound(trailers)) {
            ChunkEncoder.encodeLastChunk(trailers, into: $0)
        }
        #expect(text == "0\r\nX-Sum: 1\r\n\r\n")
    }

    @Test("Numbers", arguments: [0, 1, 9, 10, 99, 100, 999_999_999, 1_000_000_000, Int.max - 1, Int.max])
    func numbers(number: Int) {
        #expect(written(upTo: 20) { DecimalNumber.write(number, to: $0) } == String(number))
    }
}
