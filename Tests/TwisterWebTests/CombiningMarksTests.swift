import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

private struct Note: Codable {
    let text: String
    var tags: [String: String]?
}

/// Compares what clients send with other texts, as applications do.
private final class ComparingHandler: RequestHandler {
    override func get() async throws {
        let texts =
            [try getQueryArgument("q", default: ""), getCookie("c", default: ""), locale.code, pathArguments[0] ?? ""]
            + request.headers.values(for: .referer)
        write("\(texts.contains("wanted")) \(Set(texts + cookies.values + cookies.keys).contains("wanted"))")
    }

    override func post() async throws {
        if contentType?.type == "application/json" {
            let note: Note = try decodeBody()
            return write("\(note.text == "wanted") \(note.tags?["wanted"] == nil)")
        }
        write("\(try getBodyArgument("wanted", default: "none") == "some") \(try getFiles("wanted").isEmpty)")
    }
}

/// Swift compares strings by canonical equivalence, which takes time that grows with the square of a run of combining marks.
@Suite("Combining marks")
struct CombiningMarksTests {
    /// 60 KB, for which a comparison took more than a second in a release build.
    private static let marks = String(repeating: "\u{301}\u{323}", count: 15_000)
    /// The header of a part is limited.
    private static let fewMarks = String(repeating: "\u{301}\u{323}", count: 50)
    private static let escaped = String(repeating: "%CC%81%CC%A3", count: 5_000)
    private static let escapedInJSON = String(repeating: #"\u0301\u0323"#, count: 5_000)

    private static func get(_ target: String, _ fields: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    private static func post(_ type: String, _ body: String) -> String {
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func multipart(_ disposition: String, _ value: String) -> String {
        post(
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; \(disposition)\r\n\r\n\(value)\r\n--b--\r\n")
    }

    private static let cases: [String: (request: String, status: Int)] = [
        "value in a query": (get("/x?q=a\(escaped)"), 400),
        "name in a query": (get("/x?a\(escaped)=1"), 200),
        "path": (get("/a\(escaped)"), 400),
        "value of a cookie": (get("/x", "Cookie: c=a\(marks)\r\n"), 200),
        "name of a cookie": (get("/x", "Cookie: a\(marks)=c\r\n"), 200),
        "header field": (get("/x", "Referer: a\(marks)\r\n"), 200),
        "language": (get("/x", "Accept-Language: a\(marks)\r\n"), 200),
        "origin": (get("/x", "Origin: a\(marks)\r\n"), 200),
        "site of the page": (get("/x", "Sec-Fetch-Site: a\(marks)\r\n"), 200),
        "media type": (post("a\(marks)", "x"), 200),
        "parameter of a media type": (post("application/json; a\(marks)=1", "{}"), 422),
        "name in a form": (post("application/x-www-form-urlencoded", "a\(escaped)=1&wanted=some"), 200),
        "value in a form": (post("application/x-www-form-urlencoded", "wanted=\(marks)"), 400),
        "member of JSON": (post("application/json", #"{"text": "wanted", "tags": {"a\#(marks)": "b"}}"#), 400),
        "escaped member": (post("application/json", #"{"text": "wanted", "tags": {"a\#(escapedInJSON)": "b"}}"#), 400),
        "text of JSON": (post("application/json", #"{"text": "a\#(marks)"}"#), 400),
        "escaped text": (post("application/json", #"{"text": "a\#(escapedInJSON)"}"#), 400),
        "name of a part": (multipart("name=\"a\(fewMarks)\"", "1"), 400),
        "name of a file": (multipart("name=\"f\"; filename=\"a\(fewMarks)\"", "1"), 400),
        "value of a part": (multipart("name=\"wanted\"", marks), 400),
    ]

    @Test(
        "HU-1, RH-14: text with more than 30 of them in a row is refused like octets that are no UTF-8, and takes no time",
        arguments: cases.keys.sorted())
    func refused(_ name: String) async throws {
        let (request, status) = try #require(Self.cases[name])
        for backend in testedBackends {
            let application = try Application([URLSpec("/(.*)", ComparingHandler.self)])
            try await withServer(
                backend, application,
                configure: {
                    $0.maxHeaderSize = 256 * 1024; $0.maxRequestLineSize = 128 * 1024
                }
            ) { port in
                // Where the machine is busy, the best of some attempts counts.
                var best = Duration.seconds(60)
                for _ in 0..<10 where best >= .seconds(1) {
                    let client = try TestClient(port: port)
                    try client.send(request)
                    let start = ContinuousClock.now
                    #expect(try client.receiveResponse().status == status)
                    best = min(best, ContinuousClock.now - start)
                }
                // It is 10 ms here in a debug build.
                #expect(best < .seconds(1))
            }
        }
    }

    @Test("RH-14: names of arguments and cookies are compared by their octets")
    func octets() async throws {
        let list = try Array("e%CC%81=1&%C3%A9=2&%E2%84%AA=3&K=4".utf8).withUnsafeBytes {
            try ArgumentList($0, limit: 9)
        }
        #expect(list.values("\u{e9}").map { String(decoding: $0, as: UTF8.self) } == ["2"])
        #expect(list.values("K").map { String(decoding: $0, as: UTF8.self) } == ["4"])
        let arguments = Arguments(list) { octets, _ in String(decoding: octets, as: UTF8.self) }
        #expect(arguments["K"] == ["4"] && arguments["\u{212A}"] == ["3"] && arguments["e\u{301}"] == ["1"])
        #expect(arguments.all.count == 4)
    }
}
