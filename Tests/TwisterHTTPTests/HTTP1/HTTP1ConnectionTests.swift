import HTTPTypes
import Testing
import TwisterCodec
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

private enum Names {
    static let own = HTTPField.Name("X-Own") ?? .location
    static let link = HTTPField.Name("Link") ?? .location
    static let sum = HTTPField.Name("X-Sum") ?? .location
}

/// A request of a random sequence, and the response that it has to get, whatever went before it on the connection.
private struct Step {
    enum Kind: CaseIterable {
        case plain, fields, manyFields, fixedBody, chunkedBody, trailers, head, status, hints, awaitsContinue, http10
        case chunked, responseTrailers, early, limited, failing, streamed, large
    }

    let kind: Kind
    let number: Int

    var target: String { "/\(kind)?\(number)" }
    private var body: String { String(repeating: "\(number).", count: number % 50 + 1) }

    /// The parts of the request; the server has to respond with a 1xx before the second one is sent.
    var parts: [String] {
        let start = "\(target) HTTP/1.1\r\nHost: a\r\n"
        let length = "Content-Length: \(body.utf8.count)\r\n"
        switch kind {
        case .plain, .status, .hints, .chunked, .responseTrailers, .failing, .large: return ["GET \(start)\r\n"]
        case .head: return ["HEAD \(start)\r\n"]
        case .http10: return ["GET \(target) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]
        case .fields: return ["GET \(start)X-Own: \(number)\r\nCookie: a=\(number)\r\n\r\n"]
        case .manyFields:
            return ["GET \(start)" + (0..<(number % 60)).map { "X-\($0): \(number)\r\n" }.joined() + "\r\n"]
        case .fixedBody, .early, .limited, .streamed: return ["POST \(start)\(length)\r\n\(body)"]
        case .awaitsContinue: return ["POST \(start)\(length)Expect: 100-continue\r\n\r\n", body]
        case .chunkedBody, .trailers:
            let trailer = kind == .trailers ? "X-Sum: \(number)\r\n" : ""
            let size = String(body.utf8.count, radix: 16)
            return ["POST \(start)Transfer-Encoding: chunked\r\n\r\n\(size)\r\n\(body)\r\n0\r\n\(trailer)\r\n"]
        }
    }

    /// What `Reporting` says of the request.
    private var report: String {
        let fields =
            switch kind {
            case .http10: 1
            case .fields: 3
            case .manyFields: 1 + number % 60
            case .fixedBody, .early, .limited, .streamed, .chunkedBody, .trailers: 2
            case .awaitsContinue: 3
            default: 1
            }
        let own = kind == .fields ? "\(number) [\"a\": \"\(number)\"]" : "- [:]"
        let trailers = kind == .trailers ? "X-Sum=\(number)" : ""
        return "\(target) \(kind == .http10 ? "HTTP/1.0" : "HTTP/1.1") \(fields) \(own) <\(receivedBody)> \(trailers)"
    }

    private var receivedBody: String {
        switch kind {
        case .fixedBody, .chunkedBody, .trailers, .awaitsContinue, .limited, .streamed: body
        default: ""
        }
    }

    func check(_ client: TestClient) throws {
        if kind == .hints {
            let hints = try client.receiveResponse()
            #expect(hints.status == 103 && hints.field("Link") == "<\(number)>")
        }
        let response = try client.receiveResponse(toHead: kind == .head)
        let status =
            switch kind {
            case .status: 404
            case .limited: 413
            case .failing: 500
            default: 200
            }
        #expect(response.status == status, "\(self)")
        #expect(response.field("X-Own") == (kind == .status ? "\(number)" : nil), "\(self)")
        #expect(response.field("Content-Language") == nil, "\(self)")
        #expect(response.field("Link") == nil, "\(self)")
        let isChunked = [.chunked, .responseTrailers].contains(kind)
        #expect(response.field("Transfer-Encoding") == (isChunked ? "chunked" : nil), "\(self)")
        #expect(response.field("Trailer") == (kind == .responseTrailers ? "X-Sum" : nil), "\(self)")
        #expect(
            response.field("Connection") == (kind == .http10 ? "keep-alive" : kind == .limited ? "close" : nil),
            "\(self)")
        switch kind {
        case .head: #expect(response.body.isEmpty)
        case .failing: #expect(response.text.contains("500"))
        case .limited: break
        case .large: #expect(response.body.count == 100_000 && !response.body.contains { $0 != 120 })
        default: #expect(response.text == report)
        }
    }
}

/// Says in the response what it sees of the request, and does in various ways what the request's path says.
private final class Reporting: HTTPServerConnectionDelegate {
    /// The exchanges that it has seen, on the loop's thread.
    let exchanges = LoopHeld<Set<ObjectIdentifier>>([])

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
        exchanges.value.insert(ObjectIdentifier(request.connection))
        return Message(request)
    }

    private final class Message: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        private var path: Substring { request.path.dropFirst() }

        init(_ request: HTTPServerRequest) { self.request = request }

        func headersReceived() -> HTTPBodyDelivery {
            if path == "limited" { request.connection.setMaxBodySize(1) }
            return ["early", "streamed"].contains(path) ? .streamed(limit: 1 << 20) : .collected(limit: nil)
        }

        func execute() async throws {
            let response = request.connection
            var body = request.body
            if path == "streamed" { for try await bytes in request.bodyStream { body += bytes } }
            let report =
                "\(request.uri) \(request.version) \(request.headers.count) \(request.headers["X-Own"] ?? "-") "
                + "\(request.cookies) <\(String(decoding: body, as: UTF8.self))> "
                + request.trailers.map { "\($0.name)=\($0.value)" }.joined()
            switch path {
            case "status": try response.setHead(.notFound, [Names.own: request.query])
            case "hints": try response.sendInformational(.earlyHints, [Names.link: "<\(request.query)>"])
            case "chunked":
                response.write(String(report.prefix(3)))
                try await response.flush()
                response.write(String(report.dropFirst(3)))
                return
            case "responseTrailers": try response.setTrailer(Names.sum, request.query)
            case "failing":
                try response.setHead(.accepted, [.contentLanguage: "en"])
                response.write(report)
                throw HTTPOutputError(description: "on purpose")
            case "large": return response.write([UInt8](repeating: 120, count: 100_000))
            default: break
            }
            response.write(report)
        }

        func executionFailed(_ error: any Error) async { request.connection.respondToFailure(500) }
    }
}

/// Notes the calls that it gets, in their order.
private final class Noting: HTTPServerConnectionDelegate {
    let notes = Notes()
    private let delivery: HTTPBodyDelivery
    private let pause: Duration

    /// `pause`: how long it takes for each piece of a streamed body.
    init(_ delivery: HTTPBodyDelivery, pause: Duration = .zero) {
        self.delivery = delivery
        self.pause = pause
    }

    func willServe(on loop: IOLoop) { notes.note("willServe") }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
        notes.note("startRequest \(request.path)")
        return Message(request, self)
    }

    private final class Message: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        private let owner: Noting

        init(_ request: HTTPServerRequest, _ owner: Noting) {
            self.request = request
            self.owner = owner
        }

        private func note(_ text: String) { owner.notes.note(text) }

        func headersReceived() -> HTTPBodyDelivery {
            note("headersReceived")
            return owner.delivery
        }

        func execute() async throws {
            note("execute \(request.body.count)")
            var count = 0
            for try await bytes in request.bodyStream {
                #expect(bytes.allSatisfy { $0 == 120 })
                if count == 0 { note("data") }
                count += bytes.count
                if owner.pause > .zero { try await request.connection.loop.sleep(for: owner.pause) }
            }
            if case .streamed = owner.delivery { note("end \(count)") }
            if request.path == "/throw" { throw HTTPOutputError(description: "thrown") }
            request.connection.write("responded to \(request.path)")
            request.connection.finish()
            note("finished")
        }

        func executionFailed(_ error: any Error) async {
            note("executionFailed \(error)")
            request.connection.respondToFailure(500)
        }

        func onConnectionClose() { note("onConnectionClose") }
        func exchangeEnded() { note("exchangeEnded") }
    }
}

/// One exchange after the other over HTTP/1.1, and the calls that a delegate gets.
@Suite("HTTP1Connection", .serialized, .disabled(if: TestClient.speaksHTTP2, "the text of HTTP/1.1"))
struct HTTP1ConnectionTests {
    @Test(
        "S-37: whatever requests follow each other on a connection, none sees anything of another",
        arguments: testedBackends)
    func sequences(_ backend: IOBackend) async throws {
        let kinds = Step.Kind.allCases
        try await withServer(backend, Reporting()) { port in
            for seed in 0..<300 {
                var random = SeededGenerator(seed: UInt64(seed))
                var client = try TestClient(port: port)
                let steps = (0..<12).map { _ in
                    Step(
                        kind: kinds[Int.random(in: 0..<kinds.count, using: &random)],
                        number: .random(in: 0..<200, using: &random))
                }
                var unread: [Step] = []
                for step in steps {
                    let isLast = step.kind == .limited
                    let waits = step.kind == .awaitsContinue || isLast || step.kind == .head
                    // Before a client waits for something, it takes the responses to what it has pipelined.
                    if waits || Bool.random(using: &random) {
                        for step in unread { try step.check(client) }
                        unread = []
                    }
                    for (index, part) in step.parts.enumerated() {
                        if index > 0 { #expect(try client.receiveResponse().status == 100) }
                        try client.send(part)
                    }
                    unread.append(step)
                    if isLast {
                        try step.check(client)
                        unread = []
                        #expect(try client.isClosed())
                        client = try TestClient(port: port)
                    }
                }
                for step in unread { try step.check(client) }
            }
        }
    }

    @Test("S-37: the requests of a connection use one exchange again and again", arguments: testedBackends)
    func oneExchange(_ backend: IOBackend) async throws {
        let delegate = Reporting()
        try await withServer(backend, delegate) { port in
            let client = try TestClient(port: port)
            for number in 0..<200 { #expect(try client.get("/plain?\(number)").status == 200) }
            try client.send(
                (0..<200).map { "GET /plain?\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
            for _ in 0..<200 { #expect(try client.receiveResponse().status == 200) }
        }
        #expect(delegate.exchanges.value.count == 1)
    }

    @Test(
        "S-37: requests whose handlers call finish() and return use one exchange, as those without finish() do",
        arguments: testedBackends, [false, true])
    func oneExchangeWithFinish(_ backend: IOBackend, _ finishes: Bool) async throws {
        // Kept, so that their addresses are their own.
        let exchanges = LoopHeld<[HTTP1Connection]>([])
        let responding = Responding { request in
            if let exchange = request.connection.transport as? HTTP1Connection {
                if !exchanges.value.contains(where: { $0 === exchange }) { exchanges.value.append(exchange) }
            }
            request.connection.write("responded")
            if finishes { request.connection.finish() }
        }
        try await withServer(backend, responding) { port in
            let client = try TestClient(port: port)
            for _ in 0..<100 { #expect(try client.get("/").text == "responded") }
            try client.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 100))
            for _ in 0..<100 { #expect(try client.receiveResponse().text == "responded") }
            #expect(exchanges.value.count == 1)
            exchanges.value = []
        }
    }

    // MARK: The delegate's calls

    private static let end = ["finished", "exchangeEnded"]

    @Test("S-38, S-39: the calls of a delegate come in order, one request after the other", arguments: testedBackends)
    func order(_ backend: IOBackend) async throws {
        for delivery in [HTTPBodyDelivery.collected(limit: nil), .streamed(limit: nil)] {
            let delegate = Noting(delivery)
            var isStreamed = false
            if case .streamed = delivery { isStreamed = true }
            try await withServer(backend, delegate) { port in
                let client = try TestClient(port: port)
                #expect(try client.get("/1").text == "responded to /1")
                #expect(try client.ask("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxxx").status == 200)
                try client.send("POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n")
                try await Task.sleep(for: .milliseconds(20))
                // Nothing of the next request is looked at before this one is over.
                try client.send("1\r\nx\r\n0\r\n\r\nGET /throw HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.receiveResponse().status == 200)
                #expect(try client.receiveResponse().status == 500)
            }
            func course(_ path: String, _ count: Int) -> [String] {
                let pieces = (count > 0 ? ["data"] : []) + (isStreamed ? ["end \(count)"] : [])
                return ["startRequest \(path)", "headersReceived", "execute \(isStreamed ? 0 : count)"] + pieces
            }
            let expected =
                ["willServe"] + course("/1", 0) + Self.end + course("/2", 3) + Self.end + course("/3", 3) + Self.end
                + course("/throw", 0) + ["executionFailed thrown", "exchangeEnded"]
            #expect(delegate.notes.all == expected)
        }
    }

    @Test("S-38: a delegate that takes its time holds the client up, and gets every byte", arguments: testedBackends)
    func flowControl(_ backend: IOBackend) async throws {
        let size = 3_000_000
        let delegate = Noting(.streamed(limit: nil), pause: .milliseconds(2))
        try await withServer(backend, delegate, configure: { $0.bodyBufferSize = 16_384 }) { port in
            let client = try TestClient(port: port, timeout: 60)
            try client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
            try client.send([UInt8](repeating: 120, count: size))
            #expect(try client.receiveResponse().status == 200)
        }
        #expect(
            delegate.notes.all == [
                "willServe", "startRequest /slow", "headersReceived", "execute 0", "data", "end \(size)", "finished",
                "exchangeEnded",
            ])
    }

    @Test(
        "S-38: a client that disconnects: onConnectionClose, then the error, then the end; nothing for half a request",
        arguments: testedBackends)
    func disconnect(_ backend: IOBackend) async throws {
        let delegate = Noting(.streamed(limit: nil))
        try await withServer(backend, delegate) { port in
            let client = try TestClient(port: port)
            try client.send("POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nxxx")
            try await delegate.notes.wait(for: 5)
            client.reset()
            try await delegate.notes.wait(for: 8)
        }
        let notes = delegate.notes.all
        #expect(
            notes[..<6] == [
                "willServe", "startRequest /left", "headersReceived", "execute 0", "data", "onConnectionClose",
            ])
        #expect(notes.count == 8 && notes[6].hasPrefix("executionFailed ") && notes[7] == "exchangeEnded")

        let collecting = Noting(.collected(limit: nil))
        try await withServer(backend, collecting) { port in
            let client = try TestClient(port: port)
            try client.send("POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nxxx")
            try await collecting.notes.wait(for: 3)
            client.reset()
            try await collecting.notes.wait(for: 5)
        }
        #expect(
            collecting.notes.all == [
                "willServe", "startRequest /left", "headersReceived", "onConnectionClose", "exchangeEnded",
            ])
    }

    @Test("S-39: a delegate of one's own is asked for each request, on several loops", arguments: testedBackends)
    func ownDelegate(_ backend: IOBackend) async throws {
        let delegate = Noting(.collected(limit: nil))
        try await withServer(backend, delegate, loops: 2) { port in
            for number in 0..<20 {
                let client = try TestClient(port: port)
                for turn in 0..<3 {
                    #expect(try client.get("/\(number)/\(turn)").text == "responded to /\(number)/\(turn)")
                }
            }
            try await eventually("all are over") { delegate.notes.all.count { $0 == "exchangeEnded" } == 60 }
        }
        let notes = delegate.notes.all
        #expect(notes.count { $0 == "willServe" } == 2)
        for (what, count) in [("startRequest", 60), ("headersReceived", 60), ("execute", 60), ("finished", 60)] {
            #expect(notes.count { $0.hasPrefix(what) } == count, "\(what)")
        }
        for number in 0..<20 {
            for turn in 0..<3 { #expect(notes.count { $0 == "startRequest /\(number)/\(turn)" } == 1) }
        }
    }
}
