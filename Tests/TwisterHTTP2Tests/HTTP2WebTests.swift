import Glibc
import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@Suite("HTTP/2: the web framework works unchanged")
struct HTTP2WebTests {
    private final class FormHandler: RequestHandler {
        override func post() async throws { write(try bodyArguments()["text"].first ?? "-") }
    }

    private final class Observer: ExchangeObserver {
        let notes = Notes()
        func exchangeBegan(_ record: ExchangeRecord) {}
        func exchangeEnded(_ record: ExchangeRecord) {
            let line = String(decoding: record.requestLine, as: UTF8.self)
            notes.note(
                "\(line) \(record.status ?? 0) \(record.outcome?.rawValue ?? "-") \(record.isHTTP2) "
                    + "\(record.responseBodySize) \(record.requestBodySize)")
        }
    }

    @Test("static files, ranges and conditions", arguments: testedBackends)
    func files(backend: IOBackend) async throws {
        let folder = try TemporaryFolder()
        let content = [UInt8](repeating: 65, count: 200_000) + Array("end".utf8)
        let file = try NewFile(folder.path + "/a.txt")
        try file.write(content)
        try file.commit()
        let application = try Application([URLSpec("/static/(.*)") { StaticFileHandler($0, root: folder.path) }])
        try await withHTTP2(backend, application) { port in
            let client = try FrameClient(port: port)
            let whole = try client.ask(1, "GET", "/static/a.txt")
            #expect(whole.body == content)
            #expect(whole.field("content-length") == "200003")
            let part = try client.ask(3, "GET", "/static/a.txt", [("range", "bytes=-3")])
            #expect(part.status == 206)
            #expect(part.text == "end")
            let tag = try #require(whole.field("etag"))
            #expect(try client.ask(5, "GET", "/static/a.txt", [("if-none-match", tag)]).status == 304)
            #expect(try client.ask(7, "HEAD", "/static/a.txt").field("content-length") == "200003")
            #expect(try client.ask(9, "GET", "/static/missing").status == 404)
        }
    }

    @Test("BH-6: a long file that is not in the page cache", arguments: testedBackends)
    func coldFile(backend: IOBackend) async throws {
        let folder = try TemporaryFolder()
        let size = 3 * (1 << 20) + 11
        // Its content is a hole, which the kernel has to make pages for.
        let descriptor = open(folder.path + "/hole", O_RDWR | O_CREAT, 0o600)
        #expect(ftruncate(descriptor, size) == 0)
        close(descriptor)
        let application = try Application([URLSpec("/static/(.*)") { StaticFileHandler($0, root: folder.path) }])
        try await withHTTP2(backend, application) { port in
            // The initial size of the window.
            let client = try FrameClient(port: port, settings: [(4, UInt32(2 * size))])
            try client.openWindow(0, UInt32(2 * size))
            let whole = try client.ask(1, "GET", "/static/hole")
            #expect(whole.status == 200 && whole.body == [UInt8](repeating: 0, count: size))
            let parts = try client.ask(3, "GET", "/static/hole", [("range", "bytes=0-99999,2000000-2099999")])
            #expect(parts.status == 206 && parts.body.filter { $0 == 0 }.count == 200_000)
        }
    }

    @Test("forms, server-sent events, compression and errors", arguments: testedBackends)
    func handlers(backend: IOBackend) async throws {
        let application = try Application(
            [
                URLSpec("/form", FormHandler.self), URLSpec(.get, "/hello") { _ in "hello" },
                URLSpec(.get, "/events") { _ in
                    EventStream { events in
                        for number in 1...3 { try await events.send("event \(number)") }
                    }
                },
            ], middleware: [Compression()])
        try await withHTTP2(backend, application) { port in
            let client = try FrameClient(port: port)
            let type = [("content-type", "application/x-www-form-urlencoded")]
            try client.headers(1, FrameClient.request("POST", "/form", type), end: false)
            try client.data(1, Array("text=two+words".utf8), end: true)
            #expect(try client.response(1).text == "two words")
            // No field announces a body in HTTP/2, and a form of several parts is read while it comes.
            let parts = [("content-type", "multipart/form-data; boundary=b")]
            try client.headers(11, FrameClient.request("POST", "/form", parts), end: false)
            let part = "--b\r\ncontent-disposition: form-data; name=text\r\n\r\ntwo parts\r\n--b--\r\n"
            try client.data(11, Array(part.utf8), end: true)
            #expect(try client.response(11).text == "two parts")
            let events = try client.ask(13, "GET", "/events")
            #expect(events.field("content-type") == "text/event-stream")
            #expect(events.text.contains("data: event 1\n\ndata: event 2\n\ndata: event 3\n\n"))
            #expect(try client.ask(15, "GET", "/hello").text == "hello")
            #expect(try client.ask(17, "POST", "/hello").status == 405)
            #expect(try client.ask(19, "GET", "/missing").status == 404)
        }
    }

    @Test("observers see the version, the outcome and the sizes", arguments: testedBackends)
    func observers(backend: IOBackend) async throws {
        let observer = Observer()
        try await withHTTP2(backend, Probe(), configure: { $0.observers.append(observer) }) { port in
            let client = try FrameClient(port: port)
            #expect(try client.ask(1, "GET", "/big?5").status == 200)
            try client.headers(3, FrameClient.request("POST", "/echo"), end: false)
            try client.data(3, [1, 2, 3], end: true)
            #expect(try client.response(3).status == 200)
            try client.headers(5, FrameClient.request("GET", "/sleep"))
            try client.ping()
            try client.send(FrameClient.FrameType.reset, stream: 5, payload: FrameClient.number(8))
            try await observer.notes.wait(for: 3)
            #expect(observer.notes.all[0] == "GET /big?5 HTTP/2.0 200 responded true 5 0")
            #expect(observer.notes.all[1] == "POST /echo HTTP/2.0 200 responded true 14 3")
            #expect(observer.notes.all[2] == "GET /sleep HTTP/2.0 0 client_disconnected true 0 0")
        }
    }

    @Test("limits of a client's requests and connections hold", arguments: testedBackends)
    func clientLimits(backend: IOBackend) async throws {
        let probe = Probe()
        try await withHTTP2(
            backend, probe,
            configure: {
                $0.trustedProxies = []
                $0.clientLimits.maxConnections = 1
                $0.clientLimits.maxConcurrentRequests = 1
            }
        ) { port in
            let client = try FrameClient(port: port)
            try client.headers(1, FrameClient.request("GET", "/held"))
            #expect(try client.ask(3, "GET", "/version").status == 429)
            probe.notes.note("release")
            #expect(try client.response(1).text == "slept")
            let other = try TestClient(port: port)
            #expect(try other.isClosed())
            // Once it has closed, another may connect.
            client.socket.shutDown()
            #expect(try client.connectionError() == FrameClient.Code.noError)
            try await eventually("another client is served") {
                (try? TestClient(port: port).get("/version"))?.status == 200
            }
        }
    }
}
