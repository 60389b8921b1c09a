import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterTesting

@Suite("TestClient: requests and responses")
struct TestClientTests {
    @Test("X-76: each method reaches its handler, with query, fields and body", arguments: Setting.all)
    func methods(setting: Setting) async throws {
        try await makeApplication().test(setting.depth, configuration: setting.configuration()) { client in
            let got = try await client.get("/echo/é x", query: ["a": "1 & 2", "b": "ü"])
            #expect(got.text.hasPrefix("GET /echo/%C3%A9%20x?a=1%20%26%202&b=%C3%BC localhost"))
            #expect(got.headers[HTTPField.Name("X-Peer") ?? .from] == "127.0.0.1 http HTTP/1.1")
            #expect(got.headers[.contentLength] == "\(got.body.count)")
            #expect(got.headers[.date] != nil && got.headers[.server] == "Twister")
            #expect(try await client.put("/echo", body: "text").text.hasSuffix("\ntext"))
            #expect(try await client.patch("/echo", body: .bytes([0x70])).text.hasSuffix("\np"))
            #expect(try await client.delete("/echo").text.hasPrefix("DELETE /echo"))
            let options = try await client.options("/echo")
            #expect(options.status == .noContent && options.body.isEmpty)
            let head = try await client.head("/echo")
            #expect(head.status == .ok && head.body.isEmpty && head.headers[.contentLength] != nil)
            #expect(try await client.get("/nowhere").status == .notFound)
            #expect(try await client.execute(.init("PROPFIND") ?? .get, "/echo").status == .notImplemented)
            let host = try await client.get("/echo", headers: [HTTPField.Name("Host") ?? .from: "example.org"])
            #expect(host.text.hasPrefix("GET /echo example.org\n"))
        }
    }

    @Test("X-76: JSON, forms, files and credentials are sent as handlers read them", arguments: Setting.all)
    func bodies(setting: Setting) async throws {
        try await makeApplication().test(setting.depth, configuration: setting.configuration()) { client in
            let json = try await client.post("/echo", json: Todo(title: "milk"))
            #expect(json.text.contains("Content-Type: application/json\n"))
            #expect(json.text.hasSuffix(#"{"title":"milk"}"#))
            let form = try await client.post("/form", form: ["name": "a&b=ü +"])
            #expect(form.text == "name=a&b=ü +\n")
            let files = try await client.post(
                "/form",
                multipart: [
                    .field("name", "x"), .file("file", filename: "a\".txt", contentType: "text/plain", [1, 2, 3]),
                ])
            #expect(files.text == "name=x\na%22.txt text/plain 3\n")
            #expect(try await client.get("/echo", bearer: "t").text.contains("Authorization: Bearer t\n"))
            let basic = try await client.get("/echo", basic: (user: "Aladdin", password: "open sesame"))
            #expect(basic.text.contains("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n"))
            await #expect(throws: TestClientError.invalidRequest("several bodies")) {
                try await client.post("/echo", body: "a", json: ["b"])
            }
            await #expect(throws: TestClientError.self) { try await client.get("/a\r\nX: y") }
        }
    }

    @Test("X-76: streamed bodies of requests arrive whole, chunked and not; limits refuse them", arguments: Setting.all)
    func uploads(setting: Setting) async throws {
        var configuration = setting.configuration()
        configuration.server.maxBodySize = 100_000
        try await makeApplication().test(setting.depth, configuration: configuration) { client in
            let megabyte = [UInt8](repeating: 7, count: 1_000_000)
            #expect(try await client.post("/upload", body: .bytes(megabyte)).text == "1000000")
            let pieces = Array(repeating: [UInt8](repeating: 1, count: 10_000), count: 30)
            #expect(try await client.post("/upload", body: .pieces(pieces)).text == "300000")
            #expect(try await client.post("/upload", body: .pieces([])).text == "0")
            #expect(try await client.post("/upload").text == "0")
            #expect(try await client.post("/echo", body: .bytes(megabyte)).status == .contentTooLarge)
            #expect(try await client.post("/echo", body: .pieces(pieces)).status == .contentTooLarge)
            let long = String(repeating: "a", count: 9000)
            #expect(try await client.get("/" + long).status == .uriTooLong)
            let wide = try await client.get("/echo", headers: [.cookie: String(repeating: "a", count: 70_000)])
            #expect(wide.status == .requestHeaderFieldsTooLarge)
        }
    }

    @Test("X-76: 1xx responses, trailers, errors, empty and large bodies", arguments: Setting.all)
    func responses(setting: Setting) async throws {
        try await makeApplication().test(setting.depth, configuration: setting.configuration()) { client in
            let hinted = try await client.get("/odd/hint")
            #expect(hinted.informational.map(\.status.code) == [103])
            #expect(hinted.informational.first?.headers[HTTPField.Name("Link") ?? .from] == "</a.css>")
            let trailed = try await client.get("/odd/trailer")
            #expect(trailed.text == "body" && trailed.trailers[HTTPField.Name("X-Sum") ?? .from] == "42")
            #expect(try await client.get("/odd/error").status == .internalServerError)
            #expect(try await client.get("/odd/empty").body.isEmpty)
            #expect(try await client.get("/odd/large").body.count == 300_000)
            await #expect {
                try await client.get("/odd/cut")
            } throws: {
                if case TestClientError.connectionClosed = $0 { true } else { false }
            }
            var small = client
            small.maxResponseSize = 299_999
            await #expect(throws: TestClientError.responseTooLarge(limit: 299_999)) {
                try await small.get("/odd/large")
            }
        }
    }

    @Test("X-76: many requests at once, from several clients", arguments: Setting.all)
    func concurrency(setting: Setting) async throws {
        try await makeApplication().test(setting.depth, configuration: setting.configuration()) { client in
            let other = client.another()
            let statuses = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        try await (number.isMultiple(of: 2) ? client : other).post("/echo", body: .text("\(number)"))
                            .text
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(statuses.compactMap { $0.split(separator: "\n").last.flatMap { Int($0) } }) == Set(0..<40))
        }
    }

    @Test("X-76: anything that responds to requests is tested, not only applications", arguments: Setting.all)
    func delegate(setting: Setting) async throws {
        let delegate = PlainDelegate()
        let text = try await delegate.test(setting.depth, configuration: setting.configuration()) { client in
            try await client.get("/plain").text
        }
        #expect(text == "plain /plain")
        #expect(delegate === delegate)
    }
}

private final class PlainDelegate: HTTPServerConnectionDelegate {
    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request) }

    private final class Message: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        init(_ request: HTTPServerRequest) { self.request = request }
        func execute() async throws { request.connection.write("plain \(request.path)") }
        func executionFailed(_ error: any Error) async {}
    }
}
