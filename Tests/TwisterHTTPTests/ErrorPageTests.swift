import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// N-23: an error says its status, in the format that the client likes best.
@Suite(.serialized)
struct ErrorPageTests {
    private static let html = "text/html; charset=utf-8"
    private static let problem = "application/problem+json"
    private static let json = "application/json"

    @Test("N-23: HTML or problem details, by Accept", arguments: testedBackends)
    func format(_ backend: IOBackend) async throws {
        let cases: [(accept: String?, type: String)] = [
            (nil, Self.html), ("*/*", Self.html), ("text/html,application/json", Self.html),
            ("application/json", Self.json), ("application/problem+json, application/json", Self.problem),
            ("application/*", Self.problem), ("text/html;q=0.4, application/*;q=0.5", Self.problem),
            ("application/*;q=0.5, application/problem+json;q=0", Self.json),
            ("text/html;q=0.001, */*;q=0", Self.html), ("text/html;q=2, application/json;q=0.1", Self.json),
            ("image/png", Self.html), ("TEXT/HTML ; Q=0.9 , */* ; q=0.1", Self.html), (", ;q=1,/,*/", Self.html),
            // A type whose weight is malformed is refused, whatever a wider range says.
            ("text/html;q=0.0000, */*;q=0.5", Self.problem),
        ]
        try await withServer(backend, Echo()) { port in
            for (accept, type) in cases {
                let client = try TestClient(port: port)
                let line = accept.map { "Accept: \($0)\r\n" } ?? ""
                let response = try client.ask("GET / HTTP/1.1\r\nHost: a\r\nExpect: <x>\r\n\(line)\r\n")
                #expect(response.status == 417)
                #expect(response.field("Content-Type") == type, "\(accept ?? "none")")
                #expect(response.field("Vary") == "Accept")
                let page = type == Self.html ? "<title>417: Expectation Failed</title>" : #""status":417"#
                #expect(response.text.contains(page), "\(response.text)")
            }
        }
    }

    @Test(
        "N-23: a head that cannot be read gets HTML, with the reason",
        .disabled(if: TestClient.speaksHTTP2, "HTTP/2 resets the stream of a malformed request"),
        arguments: testedBackends)
    func unreadable(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) { port in
            let client = try TestClient(port: port)
            let response = try client.ask("GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nX : y\r\n\r\n")
            #expect(response.status == 400)
            #expect(response.field("Content-Type") == Self.html)
            #expect(response.text.contains("<p>white space before the colon of a field</p>"))
            #expect(try client.isClosed())
        }
    }

    @Test("an error to HEAD has no body", arguments: testedBackends)
    func head(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) { port in
            let client = try TestClient(port: port)
            try client.send("HEAD / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n")
            let response = try client.receiveResponse(toHead: true)
            #expect(response.status == 417)
            #expect(try client.endsConnection(after: response), "and nothing comes behind the head")
        }
    }
}
