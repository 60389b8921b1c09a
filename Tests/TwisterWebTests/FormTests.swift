import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@Suite("Forms", .serialized)
struct FormTests {
    private final class FormHandler: RequestHandler {
        override func post() async throws {
            let files = try getFiles("file").map {
                "\($0.fileName) (\($0.contentType)): \(String(decoding: $0.body, as: UTF8.self))"
            }
            write((try getArguments("a") + files).joined(separator: "|"))
        }
    }

    private final class PreparingHandler: RequestHandler {
        override func prepare() async throws { finish("prepared \(try getArguments("a").joined(separator: "|"))") }
    }

    private final class ReceivingHandler: RequestHandler {
        override class var requestBody: RequestBodyMode { .dataReceived }
        override class var policy: Policy { Policy(maxBodySize: 10) }
        private var received = 0
        override func dataReceived(_ chunk: [UInt8]) async throws { received += chunk.count }
        override func post() async throws { write("\(received)") }
    }

    @Test(
        "a handler of an unknown class, and a prepare that responds, get their body",
        arguments: testedBackends)
    func bodies(_ backend: IOBackend) async throws {
        let make: @Sendable (HandlerContext) -> RequestHandler = { FormHandler($0) }
        let application = try Application(
            [
                URLSpec("/made", make: make), URLSpec("/prepared", PreparingHandler.self),
                URLSpec("/received", ReceivingHandler.self),
            ], defaultHandler: { FormHandler($0) })
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let fields = "Host: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=1"
            #expect(try client.ask("POST /lost HTTP/1.1\r\n\(fields)").text == "1")
            #expect(try client.ask("POST /made HTTP/1.1\r\n\(fields)").text == "1")
            #expect(try client.ask("PUT /prepared HTTP/1.1\r\n\(fields)").text == "prepared 1")
            #expect(try client.ask("POST /received HTTP/1.1\r\n\(fields)").text == "3")
            // The body of a request that is refused is not received.
            let chunked =
                "PATCH /received HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            #expect(try client.ask(chunked).status == 405)
        }
    }

    private func post(_ client: TestClient, _ body: String, type: String) throws -> TestClient.Response {
        try client.ask(
            "POST /?a=query HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
    }

    private func part(_ disposition: String, _ content: String) -> String {
        "--b\r\nContent-Disposition: form-data; \(disposition)\r\n\r\n\(content)\r\n"
    }

    @Test("HU-9, HU-10, HU-11: arguments and files of both kinds of forms", arguments: testedBackends)
    func forms(_ backend: IOBackend) async throws {
        let application = try Application([URLSpec("/", FormHandler.self)])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let plain = try post(client, "a=1&b=2&a=+3", type: "application/x-www-form-urlencoded")
            #expect(plain.text == "query|1|3")
            let body = part("name=a", "one") + part("name=file; filename=x.txt", "content") + part("name=a", " two ")
            let multi = try post(client, body + "--b--\r\n", type: "multipart/form-data; boundary=b")
            #expect(multi.text == "query|one|two|x.txt (application/octet-stream): content")
            #expect(try post(client, "a=1", type: "text/plain").text == "query")
            #expect(try post(client, "--b--", type: "multipart/form-data; boundary=b").text == "query")
        }
    }

    @Test(
        "HU-10, HU-12: a malformed form is 400, one over the limits 413; the connection stays open",
        arguments: testedBackends)
    func refused(_ backend: IOBackend) async throws {
        var settings = Application.Settings()
        settings.maxFormParts = 2
        settings.maxFormPartHeaderSize = 100
        let application = try Application([URLSpec("/", FormHandler.self)], settings: settings)
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let type = "multipart/form-data; boundary=b"
            let two = part("name=a", "1") + part("name=a", "2")
            #expect(try post(client, two + "--b--", type: type).text == "query|1|2")
            #expect(try post(client, two, type: type).status == 400)
            #expect(try post(client, two, type: "multipart/form-data").status == 400)
            #expect(try post(client, "--b\r\n\r\nx\r\n--b--", type: type).status == 400)
            #expect(try post(client, "pre" + two + "--b--", type: type).text == "query|2")
            #expect(try post(client, "pre" + part("name=a", "1") + "--b--", type: type).status == 400)
            // Of two fields Content-Type, each reader would take another one.
            for types in [[type, type + "c"], [type, type], ["text/plain", type], [type, "text/plain"]] {
                let response = try post(client, two + "--b--", type: types.joined(separator: "\r\nContent-Type: "))
                #expect(response.status == 400, "\(types)")
            }
            let encoded = "application/x-www-form-urlencoded"
            for types in [
                [encoded, encoded], [encoded, "text/plain"], ["application/json", encoded + "; charset=utf-8"],
            ] {
                let response = try post(client, "a=1", type: types.joined(separator: "\r\nContent-Type: "))
                #expect(response.status == 400, "\(types)")
            }
            #expect(try post(client, "a=1", type: "text/plain\r\nContent-Type: text/plain").text == "query")
            #expect(try post(client, two + part("name=a", "3") + "--b--", type: type).status == 413)
            let long = part("name=\"\(String(repeating: "x", count: 100))\"", "") + "--b--"
            #expect(try post(client, long, type: type).status == 413)
            #expect(try post(client, two + "--b--", type: type).text == "query|1|2")
        }
    }
}
