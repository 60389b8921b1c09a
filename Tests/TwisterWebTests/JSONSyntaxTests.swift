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
            "{\"a\": {\"b\": [1, 2]}, \"a\": null}\n", "\t{ }\r\n", "\"\\ud800\"",
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
