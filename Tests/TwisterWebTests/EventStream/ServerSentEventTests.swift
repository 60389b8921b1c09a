import Testing
import TwisterTestSupport

@testable import TwisterWeb

@Suite("N-34: the framing of server-sent events")
struct ServerSentEventTests {
    private func text(_ event: ServerSentEvent) throws -> String {
        String(decoding: try event.encoded(), as: UTF8.self)
    }

    @Test("N-34: fields in their order, each on a line, and an empty line")
    func fields() throws {
        let event = ServerSentEvent("a", id: "7", event: "tick", retry: .milliseconds(1500))
        #expect(try text(event) == "id: 7\nevent: tick\nretry: 1500\ndata: a\n\n")
        #expect(try text(ServerSentEvent("")) == "data: \n\n")
        #expect(try text(ServerSentEvent(nil, retry: .seconds(-1))) == "retry: 0\n\n")
    }

    @Test(
        "N-34: each line of the data gets a field of its own",
        arguments: [
            ("a\nb", "data: a\ndata: b\n\n"), ("a\rb", "data: a\ndata: b\n\n"), ("a\r\nb", "data: a\ndata: b\n\n"),
            ("\n\r", "data: \ndata: \ndata: \n\n"), ("\r\n\n", "data: \ndata: \ndata: \n\n"),
            (" a: b", "data:  a: b\n\n"), ("a\n\nid: 9", "data: a\ndata: \ndata: id: 9\n\n"),
        ])
    func lines(data: String, expected: String) throws {
        #expect(try text(ServerSentEvent(data)) == expected)
    }

    @Test("N-34: no identifier and no name can break the framing")
    func refused() throws {
        for id in ["a\nb", "a\rb", "a\u{0}b", "\r\n"] {
            #expect(throws: EventStreamError.invalidID(id)) { try ServerSentEvent("x", id: id).encoded() }
        }
        for name in ["a\nb", "\r", "x\r\ndata: y"] {
            #expect(throws: EventStreamError.invalidName(name)) { try ServerSentEvent("x", event: name).encoded() }
        }
        #expect(String(decoding: ServerSentEvent.comment("a\n\ndata: b"), as: UTF8.self) == ": a\n: \n: data: b\n")
    }

    @Test("N-34: whatever the data is, a browser gets it as one event, with LF between its lines")
    func anyData() throws {
        var generator = SeededGenerator(seed: 34)
        let parts = ["a", "\r", "\n", "\r\n", ":", " ", "data: ", "id", "é", "\u{0}", "\u{2028}", "\u{FEFF}"]
        for _ in 0..<2_000 {
            let data = (0..<Int.random(in: 0...12, using: &generator))
                .map { _ in parts.randomElement(using: &generator) ?? "" }.joined()
            let parsed = EventParser(try ServerSentEvent(data, id: "1").encoded())
            var normal: [UInt8] = []
            for byte in data.utf8 {
                if byte == 0x0A, normal.last == 0x0D { normal.removeLast() }
                normal.append(byte)
            }
            let expected = String(decoding: normal.map { $0 == 0x0D ? 0x0A : $0 }, as: UTF8.self)
            #expect(parsed.events == [.init(data: expected, id: "1")])
        }
    }
}
