import HTTPTypes
import Testing

@testable import TwisterCodec

@Suite("The Content-Type that responses have in common")
struct KeptContentTypeTests {
    private func fields(_ head: ResponseHead) -> [String] { head.fields.map { "\($0.name)=\($0.value)" } }

    @Test("a head that is used again shows what was set for this response, whatever the last one had")
    func reuse() throws {
        let head = ResponseHead()
        let other = try #require(HTTPField.Name("X-Other"))
        let steps: [(set: [(HTTPField.Name, String)], removed: HTTPField.Name?, shown: [String])] = [
            ([(.contentType, "text/plain")], nil, ["Content-Type=text/plain"]),
            ([(.contentType, "text/plain")], nil, ["Content-Type=text/plain"]),
            (
                [(.contentType, "text/html; charset=utf-8"), (other, "1")], nil,
                [
                    "Content-Type=text/html; charset=utf-8", "X-Other=1",
                ]
            ),
            ([(.contentType, "text/html; charset=utf-8")], nil, ["Content-Type=text/html; charset=utf-8"]),
            (
                [(other, "22222222222222222222"), (.contentType, "text/html; charset=utf-8")], nil,
                [
                    "X-Other=22222222222222222222", "Content-Type=text/html; charset=utf-8",
                ]
            ),
            ([(.contentType, "text/html; charset=utf-8")], nil, ["Content-Type=text/html; charset=utf-8"]),
            ([(.contentType, "a/b"), (.contentType, "c/d")], nil, ["Content-Type=c/d"]),
            ([(.contentType, "a/b")], nil, ["Content-Type=a/b"]),
            ([(.contentType, "a/b")], .contentType, []),
            ([(.contentType, "a/b")], nil, ["Content-Type=a/b"]),
            ([], nil, []),
            ([(other, String(repeating: "x", count: 5000))], nil, ["X-Other=" + String(repeating: "x", count: 5000)]),
            ([(.contentType, "a/b")], nil, ["Content-Type=a/b"]),
            (
                [(.contentType, "a/b"), (other, String(repeating: "y", count: 5000))], nil,
                [
                    "Content-Type=a/b", "X-Other=" + String(repeating: "y", count: 5000),
                ]
            ),
            ([(.contentType, "a/b")], nil, ["Content-Type=a/b"]),
        ]
        for (number, step) in steps.enumerated() {
            head.reuse()
            for (name, value) in step.set { try head.set(name, value) }
            if let removed = step.removed { head.remove(removed) }
            #expect(fields(head) == step.shown, "step \(number)")
            #expect(head.hasContentType == step.shown.contains { $0.hasPrefix("Content-Type=") }, "step \(number)")
        }
    }

    /// Each pair is equal by canonical equivalence, and differs in its octets.
    @Test(
        "a value that only looks like the last response's one is sent as it is",
        arguments: [
            ("K", "\u{212A}"), ("\u{E9}", "e\u{301}"), ("a\u{323}\u{307}", "a\u{307}\u{323}"), (";", "\u{37E}"),
        ])
    func equivalent(one: String, other: String) throws {
        let head = ResponseHead()
        for text in [one, other, one, one, other, other, "K", other] {
            let value = "a/b; x=\"\(text)\""
            head.reuse()
            try head.set(.contentType, value)
            let sent = try #require(head.fields.first?.value)
            #expect(Array(sent.utf8) == Array(value.utf8))
        }
    }

    @Test("a value that would break the message is refused, also after a good one")
    func refused() throws {
        let head = ResponseHead()
        try head.set(.contentType, "text/plain")
        head.reuse()
        #expect(throws: HTTPHeaderError.self) { try head.set(.contentType, "text/plain\r\nX: 1") }
        #expect(fields(head) == [])
        try head.set(.contentType, "text/plain")
        #expect(fields(head) == ["Content-Type=text/plain"])
    }
}
