import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// Responds with what it was asked for, and is kept.
private final class KeptHandler: RequestHandler {
    let kept: LoopHeld<[KeptHandler]>

    init(_ context: HandlerContext, _ kept: LoopHeld<[KeptHandler]>) {
        self.kept = kept
        super.init(context)
    }

    required init(_ context: HandlerContext) {
        kept = LoopHeld([])
        super.init(context)
    }

    override func post() async throws {
        kept.value.append(self)
        setStatus(200 + (Int(pathArguments[0] ?? "") ?? 0))
        try setHeader(.contentLanguage, "n\(pathArguments[0] ?? "")")
        write("responded to \(pathArguments[0] ?? "-")")
    }

    /// Everything that a handler shows of its request and response, in one line.
    var summary: String {
        let files = (try? getFiles("file"))?.map {
            "\($0.fileName) \($0.contentType) \(String(decoding: $0.body, as: UTF8.self))"
        }
        return """
            \(pathArguments.values.map { $0 ?? "-" }) \((try? getArgument("q", default: "-")) ?? "") \((try? getArguments("field")) ?? []) \(files ?? []) \
            \(getStatus().code) \(request.uri) \(request.headers[.authorization] ?? "-") \(isFinished)
            """
    }

    static func expected(_ number: Int) -> String {
        """
        ["\(number)", "b\(number)"] q\(number) ["field \(number)"] ["\(number).txt text/plain file \(number)"] \
        \(200 + number) /kept/\(number)/b\(number)?q=q\(number) user\(number) true
        """
    }

    static func request(_ number: Int) -> String {
        let body =
            "--x\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nfield \(number)\r\n"
            + "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(number).txt\"\r\n"
            + "Content-Type: text/plain\r\n\r\nfile \(number)\r\n--x--\r\n"
        return "POST /kept/\(number)/b\(number)?q=q\(number) HTTP/1.1\r\nHost: a\r\nAuthorization: user\(number)\r\n"
            + "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// Does what a handler can do to a response, after its own is over.
    func misuse() async {
        write("strange")
        write([1, 2, 3])
        setStatus(.badGateway)
        try? setHeader(.location, "/strange")
        try? addHeader(.location, "/strange")
        clearHeader(.contentType)
        try? write(json: ["strange"])
        try? redirect("/strange")
        try? setTrailer(.location, "/strange")
        try? sendInformational(.earlyHints)
        setMaxBodySize(0)
        setBodyTimeout(.zero)
        await sendError(.gone)
        try? await flush()
        clear()
        finish("strange")
    }
}

/// Fault 1: what is kept of a handler shows its own request, and changes no other one's response.
@Suite("Held handlers", .serialized)
struct HeldHandlerTests {
    @Test("fault 1: handlers that are kept show their own request and response for ever", arguments: testedBackends)
    func kept(backend: IOBackend) async throws {
        let kept = LoopHeld<[KeptHandler]>([])
        let application = try Application([
            URLSpec("/kept/([0-9]+)/(b[0-9]+)") { KeptHandler($0, kept) },
            URLSpec(.get, "/other/([0-9]+)") { handler in
                handler.setStatus(.accepted)
                handler.write("other \(handler.pathArguments[0] ?? "-")")
            },
        ])
        try await withServer(backend, application) { port in
            let count = 50
            let client = try TestClient(port: port)
            for number in 0..<20 { #expect(try client.ask(KeptHandler.request(number)).status == 200 + number) }
            try client.send((20..<count).map(KeptHandler.request).joined())
            for number in 20..<count { #expect(try client.receiveResponse().status == 200 + number) }
            for number in 0..<500 { #expect(try client.get("/other/\(number)").text == "other \(number)") }
            let loop = try #require(kept.value.first?.loop)
            let shown = try await loop.perform {
                defer { kept.value = [] }
                return kept.value.map(\.summary)
            }
            #expect(shown == (0..<count).map(KeptHandler.expected))
        }
    }

    @Test("fault 1: a kept handler that goes on to respond changes nothing for others", arguments: testedBackends)
    func misused(backend: IOBackend) async throws {
        let kept = LoopHeld<[KeptHandler]>([])
        let application = try Application([
            URLSpec("/kept/([0-9]+)/(b[0-9]+)") { KeptHandler($0, kept) },
            URLSpec(.get, "/other/([0-9]+)") { handler in
                for old in kept.value { await old.misuse() }
                handler.write("other ")
                try await handler.flush()
                for old in kept.value { await old.misuse() }
                handler.write(handler.pathArguments[0] ?? "-")
            },
        ])
        try await withServer(backend, application) { port in
            for isPipelined in [false, true] {
                let client = try TestClient(port: port)
                for number in 0..<5 { #expect(try client.ask(KeptHandler.request(number)).status == 200 + number) }
                let requests = (0..<20).map { "GET /other/\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }
                if isPipelined { try client.send(requests.joined()) }
                for number in 0..<20 {
                    if !isPipelined { try client.send(requests[number]) }
                    let response = try client.receiveResponse()
                    #expect(response.status == 200 && response.text == "other \(number)")
                    #expect(response.field("Location") == nil)
                }
            }
            try await kept.value.first?.loop.perform { kept.value = [] }
        }
    }

    @Test("fault 1: a route whose closure returns one handler for two requests ends the program with a message")
    func sharedHandler() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let shared = LoopHeld<RequestHandler?>(nil)
            let application = try Application([
                URLSpec("/shared") { context in
                    let handler = shared.value ?? RequestHandler(context)
                    shared.value = handler
                    return handler
                }
            ])
            try await withServer(.epoll, application) { port in
                for _ in 0..<2 { _ = try TestClient(port: port).get("/shared") }
            }
        }
        let errors = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(errors.contains("returned a handler that belongs to another request"), "\(errors)")
    }
}
