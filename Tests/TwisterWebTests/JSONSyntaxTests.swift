import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

@Suite("JSONSyntax", .serialized)
struct JSONSyntaxTests {
    private func isWellFormed(_ text: String) -> Bool { JSONSyntax.isWellFormed(Array(text.utf8)) }

    @Test(
        "texts that are JSON",
        arguments: [
            "1", "-0", "0.5", "-1e+9", "1E-2", "true", "false", "null", "\"\"", "\"ü\\u00fc\\\"\\/\"", "[]", "{}",
            " [ 1 , [ ] , { } ] ",
            "{\"a\": {\"a\": [{\"a\": 1}, {\"a\": 2}]}, \"b\": {\"a\": {}}, \"A\": null}\n", "\t{ }\r\n", "\"\\ud800\"",
        ])
    func wellFormed(_ text: String) { #expect(isWellFormed(text)) }

    @Test(
        "texts that are no JSON",
        arguments: [
            "", " ", "01", "+1", "1.", ".5", "1e", "-", "tru", "True", "nul", "NaN", "Infinity", "'a'", "\"", "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"", "[", "]", "[1", "[1,]", "[,1]", "[1 2]", "{", "{a: 1}", "{\"a\"}", "{\"a\":}", "{\"a\": 1,}",
            "{,}", "{1: 1}", "[1}",
            "{\"a\": 1]", "1 2", "[] []", "// a\n1", "\u{FEFF}1", "1\0", "{\"a\": 1,, \"b\": 2}",
        ])
    func malformed(_ text: String) { #expect(!isWellFormed(text)) }

    @Test(
        "RFC 7493, 2.3: objects that have a name twice",
        arguments: [
            "{\"a\": 1, \"a\": 1}", "[{\"a\": {\"b\": [], \"c\": {}, \"b\": 2}}]",
            "{\"a\": {\"a\": 1}, \"b\": 2, \"a\": 3}",
            "{\"a\": 1, \"\\u0061\": 2}", "{\"\\n\": 1, \"\\u000A\": 2}", "{\"\\u00e9\": 1, \"\u{E9}\": 2}",
            "{\"\u{1F600}\": 1, \"\\ud83d\\uDE00\": 2}", "{\"/\": 1, \"\\/\": 2}", "{\"\": 1, \"\": 2}",
            "{\"\\ud83d\": 1, \"\\ud83d\": 2}", "{\"\\u20ac\": {\"a\": 1}, \"\u{20AC}\": 2}",
            "{\"\\\"\": 1, \"\\u0022\": 2}",
        ])
    func duplicateNames(_ text: String) { #expect(!isWellFormed(text)) }

    @Test(
        "names that stand for other octets are other names",
        arguments: [
            // Names are compared by their characters, and not by canonical equivalence.
            "{\"\u{E9}\": 1, \"e\u{301}\": 2}", "{\"K\": 1, \"\u{212A}\": 2}", "{\"a\": 1, \"\\\\u0061\": 2}",
            "{\"n\": 1, \"\\n\": 2}", "{\"\\ud83d\": 1, \"\\ude00\": 2, \"\\ud83d\\ude00\": 3}",
        ])
    func differentNames(_ text: String) { #expect(isWellFormed(text)) }

    @Test("a large object is searched for a name that it has twice, in linear time")
    func manyNames() {
        func object(_ count: Int, _ last: String) -> [UInt8] {
            Array(("{" + (0..<count).map { "\"name\($0)\":\($0)," }.joined() + "\"\(last)\":0}").utf8)
        }
        for count in 1...40 {
            #expect(JSONSyntax.isWellFormed(object(count, "other")))
            for position in 0..<count {
                #expect(!JSONSyntax.isWellFormed(object(count, "name\(position)")))
                #expect(!JSONSyntax.isWellFormed(object(count, "n\\u0061me\(position)")))
            }
        }
        let time = { (count: Int) in
            let text = object(count, "other")
            return processorTime { _ = JSONSyntax.isWellFormed(text) }
        }
        _ = time(1_000)
        #expect(time(40_000) < time(4_000) * 40)
    }

    @Test("text has to be UTF-8")
    func encoding() {
        #expect(!JSONSyntax.isWellFormed([0x22, 0xFF, 0x22]))
        #expect(!JSONSyntax.isWellFormed([0xFE, 0xFF, 0, 0x31]))
    }

    @Test("each text that is cut is malformed")
    func cuts() {
        let text = Array("{\"a\": [1.5e1, \"\\u00fc\", {\"b\": null}]}".utf8)
        for count in text.indices { #expect(!JSONSyntax.isWellFormed(Array(text[..<count]))) }
        #expect(JSONSyntax.isWellFormed(text))
    }

    @Test("nesting has a limit, and takes no stack")
    func nesting() {
        let limit = JSONSyntax.maxDepth
        let nested =
            [UInt8](repeating: UInt8(ascii: "["), count: limit) + [UInt8](repeating: UInt8(ascii: "]"), count: limit)
        #expect(JSONSyntax.isWellFormed(nested))
        #expect(!JSONSyntax.isWellFormed([UInt8(ascii: "[")] + nested + [UInt8(ascii: "]")]))
        #expect(!JSONSyntax.isWellFormed([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)))
    }

    private struct Count: Decodable { let count: Int }

    @Test("RH-51: 400 for what is no JSON, 422 for a value that does not fit", arguments: testedBackends)
    func statuses(_ backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.post, "/") { $0.write("\(try $0.decodeBody(Count.self).count)") }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            func post(_ body: String) throws -> Int {
                try client.ask(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                ).status
            }
            #expect(try post("{\"count\": 1}") == 200)
            for body in ["{\"count\": 1,}", "{", "", "{\"count\": NaN}", "[1, 2", "{\"count\": 01}"] {
                #expect(try post(body) == 400, "\(body)")
            }
            let twice = "{\"count\": 1, \"c\\u006funt\": 2}"
            #expect(try post(twice) == 400)
            for body in [
                "{\"count\": 1.5}", "{\"count\": 99999999999999999999}", "{\"count\": \"1\"}", "{\"count\": true}",
                "{}", "[]", "1",
                "{\"count\": null}",
            ] { #expect(try post(body) == 422, "\(body)") }
        }
    }

    private struct Numbers: Decodable {
        let count: Int?
        let ratio: Double?
        let list: [UInt64]?
    }

    @Test("RH-51: a number that only is whole once it is rounded is no integer", arguments: testedBackends)
    func rounding(_ backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.post, "/") { handler in
                let value = try handler.decodeBody(Numbers.self)
                return "\(value.count ?? -1) \(value.ratio ?? -1) \(value.list ?? [])"
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            func post(_ body: String) throws -> TestClient.Response {
                try client.ask(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                )
            }
            for number in [
                "1e-400", "-1e-400", "9007199254740992.5", "-9007199254740992.5", "0.9999999999999999999",
                "1.00000000000000000000001", "9007199254740993.0", "90071992547409925e-1", "1E-99999999999999999999",
            ] {
                #expect(try post("{\"count\": \(number)}").status == 422, "\(number)")
                #expect(try post("{\"list\": [1, \(number)], \"ratio\": 1}").status == 422, "\(number)")
                // What nobody reads is not refused, and a number that may have a fraction is the nearest one. Foundation
                // refuses those for which this is zero.
                #expect(try post("{\"other\": [\(number)]}").text == "-1 -1.0 []", "\(number)")
                guard let nearest = Double(number), nearest != 0 else { continue }
                #expect(try post("{\"ratio\": \(number)}").text == "-1 \(nearest) []", "\(number)")
            }
            for (number, value) in [
                ("0e-400", "0"), ("0.0", "0"), ("-0.0", "0"), ("9007199254740992.0", "9007199254740992"),
                ("1e3", "1000"),
                ("1.5e1", "15"), ("150e-1", "15"), ("0e99999999999999999999", "0"), ("1e18", "1000000000000000000"),
            ] {
                #expect(try post("{\"count\": \(number)}").text == "\(value) -1.0 []", "\(number)")
            }
        }
    }
}
