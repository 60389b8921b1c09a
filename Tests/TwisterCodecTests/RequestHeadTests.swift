import HTTPTypes
import Testing

@testable import TwisterCodec

@Suite("Request head")
struct RequestHeadTests {
    @Test("Fields are found without regard to case and joined in order")
    func fields() throws {
        let head = try parsedHead(
            """
            GET / HTTP/1.1\r
            Host: h\r
            ACCEPT: a\r
            cookie: x=1\r
            Accept: b, c\r
            Cookie: y=2\r
            accept:\r
            X-Odd^: caret\r
            X-Odd~: tilde\r
            \r

            """)
        #expect(head[.accept] == "a, b, c, ")
        #expect(head.values(for: .accept) == ["a", "b, c", ""])
        #expect(head[.cookie] == "x=1; y=2")
        #expect(head[.userAgent] == nil)
        #expect(head.contains(.cookie) && !head.contains(.range))
        #expect(head.firstValueBytes(for: .accept) { Array($0) } == [UInt8(ascii: "a")])
        #expect(head.firstValueBytes(for: .range) { $0.count } == nil)
        let caret = try #require(HTTPField.Name("x-odd^"))
        let tilde = try #require(HTTPField.Name("X-ODD~"))
        #expect(head[caret] == "caret")
        #expect(head[tilde] == "tilde")
        #expect(head.httpFields[values: .accept] == ["a", "b, c", ""])

        let headers = HTTPHeaders(head)
        #expect(headers.count == 8)
        #expect(headers["host"] == "h")
        #expect(headers["no name"] == nil)
        #expect(headers.map(\.name) == ["Host", "ACCEPT", "cookie", "Accept", "Cookie", "accept", "X-Odd^", "X-Odd~"])
        #expect(headers.map(\.value).first == "h")
    }

    @Test("Many fields and long values fit")
    func growth() throws {
        let value = String(repeating: "v", count: 500)
        let fields = (0..<99).map { "N\($0): \(value)\r\n" }.joined()
        let head = try parsedHead("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
        #expect(head.fieldCount == 100)
        let last = try #require(HTTPField.Name("n98"))
        #expect(head[last] == value)
        head.reuse()
        #expect(head.fieldCount == 0)
    }

    @Test("HU-4: a Host is checked unless it is the same as in the request before")
    func repeatedHost() {
        let head = RequestHead()
        func outcome(_ fields: String, version: String = "1.1") -> ParseError? {
            head.reuse()
            var parser = RequestParser()
            let octets = Array("GET /\(fields.utf8.count) HTTP/\(version)\r\n\(fields)\r\n".utf8)
            switch octets.withUnsafeBytes({ parser.parse($0, into: head) }) {
            case .invalid(let error): return error
            case .complete, .needMore: return nil
            }
        }
        // The Host before is always well-formed, and is sometimes at another place of its head.
        for prefix in ["", "Accept: */*\r\n", String(repeating: "A: b\r\n", count: 20)] {
            for good in ["example.com:80", "h", "[::1]:8080"] {
                func repeatGood(_ count: Int) {
                    for _ in 0..<count {
                        #expect(outcome("\(prefix)Host: \(good)\r\n") == nil)
                        #expect(head.host == good)
                    }
                }
                repeatGood(2)
                #expect(outcome("\(prefix)Host: \(good.dropLast())@\r\n") == .malformedHost)
                repeatGood(1)
                #expect(outcome("\(prefix)Host: \(good) \(good)\r\n") == .malformedHost)
                repeatGood(1)
                #expect(outcome("\(prefix)Host: \(good)\r\nHost: \(good)\r\n") == .duplicateHost)
                repeatGood(1)
                #expect(outcome("\(prefix)Host:\r\n") == .emptyHost)
                repeatGood(1)
                #expect(outcome(prefix) == .missingHost)
                // The last request must not show anything of the one before it.
                #expect(outcome(prefix, version: "1.0") == nil)
                #expect(outcome("\(prefix)Host: \(good.dropLast())@\r\n") == .malformedHost)
            }
        }
    }

    @Test("Methods", arguments: RequestMethod.allCases)
    func methods(method: RequestMethod) throws {
        let name = method.name.map(String.init(describing:)) ?? "PURGE"
        let target = method == .connect ? "h:1" : "/"
        let head = try parsedHead("\(name) \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(head.method == method)
        #expect(head.methodText == name)
        #expect(head.httpMethod.rawValue == name)
    }

    @Test(
        "H1-9: keep-alive by version and Connection",
        arguments: [
            ("1", "", true), ("0", "", false), ("0", "Connection: keep-alive\r\n", true),
            ("0", "Connection: Keep-Alive, foo\r\n", true), ("1", "Connection: close\r\n", false),
            // W-20: a list of tokens.
            ("1", "Connection: close, TE\r\n", false), ("1", "Connection: TE ,\tCLOSE\r\n", false),
            ("1", "Connection: a\r\nA: b\r\nconnection: close\r\n", false), ("1", "Connection: closed\r\n", true),
            ("0", "Connection: keep-alive, close\r\n", false), ("1", "Connection: \r\n", true),
        ])
    func keepAlive(minor: String, fields: String, expected: Bool) throws {
        let head = try parsedHead("GET / HTTP/1.\(minor)\r\nHost: h\r\n\(fields)\r\n")
        #expect(head.keepAlive == expected)
    }

    @Test(
        "W-14: expectations",
        arguments: [
            ("1", "", RequestHead.Expectation.none), ("1", "Expect: 100-continue\r\n", .continue100),
            ("1", "Expect: 100-Continue\r\n", .continue100), ("0", "Expect: 100-continue\r\n", .none),
            ("1", "Expect: 200-ok\r\n", .unknown), ("1", "Expect: 100-continue, x\r\n", .unknown),
            ("1", "Expect: 100-continue\r\nExpect: y\r\n", .unknown), ("1", "Expect:\r\n", .none),
        ])
    func expectation(minor: String, fields: String, expected: RequestHead.Expectation) throws {
        let head = try parsedHead("POST / HTTP/1.\(minor)\r\nHost: h\r\n\(fields)\r\n")
        #expect(head.expectation == expected)
    }

    @Test("Upgrade counts only with its Connection option")
    func upgrade() throws {
        let head = try parsedHead(
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c, WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n")
        #expect(head.offersUpgrade(to: "websocket"))
        #expect(!head.offersUpgrade(to: "tls"))
        let without = try parsedHead("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n")
        #expect(!without.offersUpgrade(to: "websocket"))
    }

    @Test("Renaming a field makes a new head and does not change the fields of the old one")
    func renaming() throws {
        let long = String(repeating: "v", count: 2000)
        let head = try parsedHead(
            "POST /p?q HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nA: \(long)\r\nContent-ENCODING: x\r\n\r\n")
        let before = head.summary
        let held = HTTPHeaders(head)
        let renamed = head.renamingField("content-encoding", to: "X-Consumed-Content-Encoding")
        #expect(head.summary == before && held[.contentEncoding] == "gzip, x")
        #expect(renamed[.contentEncoding] == nil)
        #expect(HTTPHeaders(renamed)["x-consumed-content-encoding"] == "gzip, x")
        #expect(renamed.summary.replacing("X-Consumed-", with: "").lowercased() == before.lowercased())
        head.reuse()
        #expect(renamed.path == "/p" && renamed.query == "q" && renamed.host == "h" && renamed.fieldCount == 4)
        let twice = renamed.renamingField("a", to: "B")
        #expect(twice.values(for: try #require(HTTPField.Name("b"))) == [long] && twice.target == "/p?q")
    }

    @Test("Storage of usual size is kept for the next request, larger storage is given back at once")
    func storage() throws {
        let head = RequestHead()
        #expect(head.record.bytes.count == 0 && head.slots.count == 0)
        var parser = RequestParser()
        let sizes = [(10, 1), (900, 20), (1500, 1), (10, 60), (32_000, 90), (10, 1)]
        for (octets, fields) in sizes {
            let lines = (1..<fields).map { "A\($0):\r\n" }.joined()
            let message = Array(
                "GET / HTTP/1.1\r\nHost: h\r\n\(lines)A: \(String(repeating: "b", count: octets))\r\n\r\n".utf8)
            #expect(message.withUnsafeBytes { parser.parse($0, into: head) } == .complete(consumed: message.count))
            #expect(head.fieldCount == fields + 1 && head.host == "h")
            #expect(head.record.bytes.count >= message.count && head.slots.count > fields)
            parser.reset()
            head.reuse()
            #expect(head.record.bytes.count == (message.count > 1024 ? 0 : 1024))
            #expect(head.slots.count <= 32)
        }
    }
}
