import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

@Suite("Raw characters in request targets", .serialized)
struct RawTargetTests {
    private func application(root: String) throws -> Application {
        try Application([
            URLSpec(.get, "/grüße") { $0.write("greetings") },
            URLSpec(.get, "/files/(.*)") { handler in
                let query = handler.request.queryArguments.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                handler.write(
                    """
                    \(handler.request.path)
                    \(handler.pathArguments[0] ?? "-")
                    \(handler.request.query)
                    \(query.joined(separator: " "))
                    """)
            },
            URLSpec(.get, "/redirect/(.*)") { try $0.redirect($0.request.path + "/") },
            URLSpec("/static/(.*)") { StaticFileHandler($0, root: root, defaultFilename: "index.html") },
        ])
    }

    @Test("Handlers see raw characters as they were sent, and their arguments decoded", arguments: testedBackends)
    func handlers(backend: IOBackend) async throws {
        let files = try TemporaryFiles()
        try files.write("umlaut", at: "grüße.txt")
        try files.write("odd", at: "{a}<b>.txt")
        try files.write("index", at: "dir é{}/index.html")
        try await withServer(backend, try application(root: files.root)) { port in
            let client = try TestClient(port: port)
            let ask = { (target: String) in try client.ask("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") }

            #expect(try ask("/grüße").text == "greetings")
            #expect(try ask("/gr%C3%BC%C3%9Fe").text == "greetings")
            #expect(try ask("/gruesse").status == 404)

            let odd = try ask(#"/files/{"a"}^<b>`\|é%C3%A9?q=<é>&r={"x":[1]}&%C3%BC=%3C+ü"#)
            #expect(
                odd.text == #"""
                    /files/{"a"}^<b>`\|é%C3%A9
                    {"a"}^<b>`\|éé
                    q=<é>&r={"x":[1]}&%C3%BC=%3C+ü
                    q=["<é>"] r=["{\"x\":[1]}"] ü=["< ü"]
                    """#)

            #expect(try ask("/static/grüße.txt").text == "umlaut")
            #expect(try ask("/static/gr%C3%BC%C3%9Fe.txt").text == "umlaut")
            #expect(try ask("/static/{a}<b>.txt").text == "odd")
            let directory = try ask("/static/dir%20é{}?<ü>")
            #expect(directory.field("Location") == "/static/dir%20%C3%A9%7B%7D/?%3C%C3%BC%3E")
            #expect(try ask("/static/dir%20%C3%A9%7B%7D/?%3C%C3%BC%3E").text == "index")
            // An application's redirect is sent unchanged, as in Tornado.
            #expect(try ask("/redirect/{é}").head.contains("Location: /redirect/{é}/\r\n"))
        }
    }

    @Test("Error pages and the log repeat no markup and nothing beyond ASCII", arguments: testedBackends)
    func errors(backend: IOBackend) async throws {
        let files = try TemporaryFiles()
        try await withServer(backend, try application(root: files.root)) { port in
            let client = try TestClient(port: port)
            for target in ["/<script>alert(1)</script>", "/\u{85}\u{2028}\u{202e}", "/static/<b>é"] {
                let response = try client.ask("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(response.status == 404)
                #expect(!response.text.contains("<script>") && !response.text.contains("<b>"))
            }
        }
        for target in ["/#", "/\u{1}", "/\u{7f}"] {
            try await withServer(backend, try application(root: files.root)) { port in
                let client = try TestClient(port: port)
                #expect(try client.ask("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n").status == 400)
            }
        }
    }
}
