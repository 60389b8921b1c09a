import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport
import TwisterWeb

/// Statuses, names of fields and arguments that come from requests.
@Suite("Values of requests in responses", .serialized)
struct StatusNumberTests {
    @Test("RH-51, RH-26: a number that is no status is 500, and ends no process", arguments: testedBackends)
    func statuses(_ backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/error/(-?[0-9]+)") { (_, code: Int) in throw HTTPError(code) },
            URLSpec(.get, "/redirect/(-?[0-9]+)") { (handler, code: Int) in try handler.redirect("/a", status: code) },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for code in [-1, 0, 99, 100, 199, 1000, 99_999, Int.max] {
                #expect(try client.get("/error/\(code)").status == 500)
                #expect(try client.get("/redirect/\(code)").status == 500)
            }
            #expect(try client.get("/error/418").status == 418)
            let redirect = try client.get("/redirect/307")
            #expect(redirect.status == 307 && redirect.field("Location") == "/a")
        }
    }

    @Test("RH-13: fields by the text of their names; one that is no token is 500", arguments: testedBackends)
    func fieldNames(_ backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/") { handler in
                try handler.setHeader(handler.getQueryArgument("name", strip: false), "1")
                try handler.addHeader("X-Many", "a")
                try handler.addHeader("x-many", "b")
                try handler.setHeader("X-Gone", "c")
                handler.clearHeader("x-gone")
                handler.clearHeader("no name")
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let response = try client.get("/?name=X-New")
            #expect(response.status == 200 && response.field("X-New") == "1" && response.field("X-Gone") == nil)
            #expect(response.head.lowercased().ranges(of: "x-many: ").count == 2)
            for name in ["", "a%20b", "a%0D%0Ab", "a%3Ab", "%C3%BC", "%00", "Transfer-Encoding"] {
                let refused = try client.get("/?name=\(name)")
                #expect(refused.status == 500, "\(name)")
            }
        }
    }

    @Test("RH-16: an argument of the query, converted", arguments: testedBackends)
    func converted(_ backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.post, "/") { handler in
                let number = try handler.getQueryArgument("n", as: Int.self, default: 7)
                handler.write("\(number) \(try handler.getQueryArgument("m", as: Int.self))")
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            func post(_ query: String) throws -> TestClient.Response {
                try client.ask(
                    "POST /?\(query) HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                        + "Content-Length: 7\r\n\r\nn=1&m=2")
            }
            #expect(try post("n=3&m=4").text == "3 4")
            #expect(try post("m=4").text == "7 4")
            #expect(try post("n=3").status == 400)
            #expect(try post("n=x&m=4").status == 400)
        }
    }

    @Test(
        "HU-11: a form in parts without a body is 400 where its arguments or files are read", arguments: testedBackends)
    func emptyForm(_ backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.post, "/arguments") { $0.write("\(try $0.getBodyArguments("a").count)") },
            URLSpec(.post, "/files") { $0.write("\(try $0.files().count)") },
            URLSpec(.post, "/query") { $0.write("\(try $0.getQueryArguments("a").count)") },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            func post(_ path: String, _ type: String) throws -> Int {
                try client.ask("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: 0\r\n\r\n")
                    .status
            }
            #expect(try post("/arguments", "multipart/form-data; boundary=b") == 400)
            #expect(try post("/files", "multipart/form-data; boundary=b") == 400)
            #expect(try post("/query", "multipart/form-data; boundary=b") == 200)
            #expect(try post("/arguments", "application/x-www-form-urlencoded") == 200)
            #expect(try post("/files", "text/plain") == 200)
        }
    }
}
