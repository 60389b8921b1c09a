import HTTPTypes
import Testing

@testable import TwisterCodec

@Suite("Response head")
struct ResponseHeadTests {
    @Test("Fields are set, added, found and removed without regard to case")
    func fields() throws {
        let head = ResponseHead()
        try head.set("X-A", "1")
        try head.add("x-a", "2")
        try head.add(.setCookie, "a=b")
        try head.add("set-cookie", "c=d")
        try head.add("X-B", "between")
        try head.add("X-A", "3")
        let name = try #require(HTTPField.Name("x-A"))
        #expect(head.values(for: name) == ["1", "2", "3"])
        #expect(head.values(for: .setCookie) == ["a=b", "c=d"])
        try head.set("X-A", "a longer value than before")
        #expect(head.values(for: name) == ["a longer value than before"])
        #expect(head.fields.map(\.name) == ["X-A", "Set-Cookie", "set-cookie", "X-B"])
        #expect(head.fields.map(\.value) == ["a longer value than before", "a=b", "c=d", "between"])
        try head.set("x-a", "")
        #expect(head.values(for: name) == [""])
        head.remove(try #require(HTTPField.Name("SET-COOKIE")))
        #expect(!head.contains(.setCookie))
        #expect(head.fields.map(\.name) == ["x-a", "X-B"])
        for number in 0..<200 { try head.add("X-\(number)", String(repeating: "v", count: number)) }
        #expect(head.fields.count == 202 && head.fields.last?.value.count == 199)
        #expect(!head.hasContentType)
        try head.set("content-type", "text/html")
        #expect(head.hasContentType)
        head.remove(.contentType)
        #expect(!head.hasContentType)
        try head.setStatus(404, reason: "Nothing here")
        head.reuse()
        #expect(head.status == 200 && head.reason == nil && head.fields.isEmpty)
        try head.set("X-A", "1")
        #expect(head.fields.map(\.value) == ["1"] && !head.hasContentType)
    }

    @Test(
        "H1-12, CVE-2025-67724: no text that ends a line is accepted",
        arguments: [
            "a\r\nb", "a\rb", "a\nb", "\n", "a\0", "a\u{1b}", "\u{7f}", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r",
        ])
    func injection(text: String) {
        let head = ResponseHead()
        #expect(throws: HTTPHeaderError.invalidValue(name: "X")) { try head.set("X", text) }
        #expect(throws: HTTPHeaderError.invalidValue(name: "X")) { try head.add("X", text) }
        #expect(throws: HTTPHeaderError.invalidName(text)) { try head.set(text, "a") }
        #expect(throws: HTTPHeaderError.invalidReason) { try head.setStatus(200, reason: text) }
        #expect(throws: HTTPHeaderError.invalidValue(name: "Server")) { _ = try ResponseEncoder(server: text) }
        var trailers = ResponseTrailers()
        #expect(throws: HTTPHeaderError.invalidValue(name: "X")) { try trailers.add("X", text) }
        #expect(head.fields.isEmpty)
    }

    @Test("Names are tokens", arguments: ["", " ", "a b", "a:", "é", "a,b", "(a)"])
    func names(name: String) {
        let head = ResponseHead()
        #expect(throws: HTTPHeaderError.invalidName(name)) { try head.set(name, "a") }
        if let name = HTTPField.Name(parsed: ":path") {
            #expect(throws: HTTPHeaderError.invalidName(":path")) { try head.set(name, "a") }
        }
    }

    @Test("An application cannot set the message's framing")
    func framingFields() throws {
        let head = ResponseHead()
        try head.set("content-length", "42")
        #expect(head.contentLength == 42)
        #expect(head.fields.isEmpty)
        #expect(head.get(.contentLength) == "42")
        for value in ["", "-1", "+1", "1,1", "a", "99999999999999999999"] {
            #expect(throws: HTTPHeaderError.invalidValue(name: "Content-Length")) {
                try head.set("Content-Length", value)
            }
        }
        head.remove(.contentLength)
        #expect(head.contentLength == nil)
        #expect(throws: HTTPHeaderError.reserved(name: "Transfer-Encoding")) {
            try head.set("Transfer-Encoding", "chunked")
        }
        #expect(throws: HTTPHeaderError.invalidStatus(99)) { try head.setStatus(99) }
        #expect(throws: HTTPHeaderError.invalidStatus(1000)) { try head.setStatus(1000) }
    }

    @Test("Connection: close is recognised")
    func connectionClose() throws {
        let head = ResponseHead()
        try head.set("Connection", "upgrade")
        #expect(!head.closesConnection)
        try head.add("connection", "foo, Close")
        #expect(head.closesConnection)
    }
}
