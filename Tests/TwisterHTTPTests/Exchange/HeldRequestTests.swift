import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// Fault 1: what a handler keeps of a request shows that request for as long as it is kept, whatever the connection's next
/// requests bring.
@Suite("Held requests", .serialized)
struct HeldRequestTests {
    private static func get(_ name: String) -> String {
        "GET /\(name) HTTP/1.1\r\nHost: a\r\nAuthorization: \(name)\r\n\r\n"
    }

    @Test(
        "fault 1: a task that outlives its response reads the credentials of its own request",
        arguments: testedBackends)
    func headersInTask(_ backend: IOBackend) async throws {
        let audit = Notes()
        let responding = Responding { request in
            let headers = request.headers
            Task {
                try await Task.sleep(for: .milliseconds(300))
                audit.note(headers[.authorization] ?? "none")
            }
            request.connection.write("responded")
        }
        try await withServer(backend, responding) { port in
            let client = try TestClient(port: port)
            let names = ["alice", "bob", "carol", "dave"]
            for name in names { #expect(try client.ask(Self.get(name)).status == 200) }
            try await audit.wait(for: names.count)
            #expect(audit.all.sorted() == names)
        }
    }

    @Test("fault 1: another thread that reads headers all the time sees its own request's", arguments: testedBackends)
    func headersOffLoop(_ backend: IOBackend) async throws {
        struct Count: Sendable {
            var reads = 0
            var strange = 0
            var isOver = false
        }
        let count = ConditionLock(Count())
        let responding = Responding { request in
            request.connection.write("responded")
            guard request.path == "/kept" else { return }
            let headers = request.headers
            Task.detached {
                while true {
                    let isOwn = headers[.authorization] == "kept" && headers["Host"] == "a" && headers[.cookie] == nil
                    let isOver = count.withLock { count in
                        count.reads += 1
                        if !isOwn { count.strange += 1 }
                        return count.isOver
                    }
                    if isOver { return }
                }
            }
        }
        try await withServer(backend, responding) { port in
            let client = try TestClient(port: port)
            #expect(try client.ask(Self.get("kept")).status == 200)
            for number in 0..<3_000 {
                let other = "GET /\(number) HTTP/1.1\r\nHost: b\r\nCookie: c=\(number)\r\nAuthorization: other\r\n\r\n"
                #expect(try client.ask(other).status == 200)
            }
            try await eventually("reads") { count.withLock { $0.reads } > 1_000 }
            let result = count.withLock { count in
                count.isOver = true
                return count
            }
            #expect(result.strange == 0, "of \(result.reads)")
        }
    }

    // MARK: The whole request

    private static func post(_ number: Int) -> String {
        let body = "body \(number)"
        return "POST /path\(number)?number=\(number) HTTP/1.1\r\nHost: host\(number):80\r\nCookie: c=\(number)\r\n"
            + "X-Real-Ip: 10.0.0.\(number)\r\nX-Scheme: \(number % 2 == 0 ? "https" : "http")\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n"
            + "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\nX-Sum: \(number)\r\n\r\n"
    }

    /// Everything that a request shows, in one line.
    private static func description(of request: HTTPServerRequest) -> String {
        """
        \(request.method) \(request.uri) \(request.path) \(request.query) \(request.version) \(request.host) \
        \(request.hostName) \(request.fullURL()) \(request.remoteIP) \(request.protocol) \(request.cookies) \
        \(request.queryArguments) \(request.headers[.cookie] ?? "-") \(String(decoding: request.body, as: UTF8.self)) \
        \(request.trailers.map { "\($0.name)=\($0.value)" })
        """
    }

    private static func expected(_ number: Int) -> String {
        let scheme = number % 2 == 0 ? "https" : "http"
        let (path, uri) = ("/path\(number)", "/path\(number)?number=\(number)")
        return """
            POST \(uri) \(path) number=\(number) \(TestClient.version) host\(number):80 host\(number) \(scheme)://host\(number):80\(uri) \
            10.0.0.\(number) \(scheme) ["c": "\(number)"] ["number": ["\(number)"]] c=\(number) body \(number) \
            ["\(TestClient.speaksHTTP2 ? "x-sum" : "X-Sum")=\(number)"]
            """
    }

    @Test(
        "fault 1: requests that are kept show themselves for ever, one by one and pipelined", arguments: testedBackends)
    func requests(_ backend: IOBackend) async throws {
        let kept = LoopHeld<[HTTPServerRequest]>([])
        let loop = LoopHeld<IOLoop?>(nil)
        let responding = Responding { request in
            loop.value = request.connection.loop
            if request.method == .post { kept.value.append(request) }
            request.connection.write("responded")
        }
        try await withServer(backend, responding, configure: { $0.xheaders = true }) { port in
            let count = 60
            let client = try TestClient(port: port)
            for number in 0..<20 { #expect(try client.ask(Self.post(number)).status == 200) }
            try client.send((20..<count).map(Self.post).joined())
            for _ in 20..<count { #expect(try client.receiveResponse().status == 200) }
            func check() async throws {
                let shown = try await loop.value?.perform { kept.value.map { Self.description(of: $0) } } ?? []
                #expect(shown == (0..<count).map(Self.expected))
            }
            try await check()
            for number in 0..<1_000 { #expect(try client.ask(Self.get("\(number)")).status == 200) }
            try await check()
            try await loop.value?.perform { kept.value = [] }
        }
    }

    @Test("fault 1: a body stream that is kept never has another request's bytes", arguments: testedBackends)
    func bodyStreams(_ backend: IOBackend) async throws {
        let kept = LoopHeld<[HTTPBodyStream]>([])
        let loop = LoopHeld<IOLoop?>(nil)
        let responding = Responding(delivery: .streamed(limit: nil)) { request in
            loop.value = request.connection.loop
            kept.value.append(request.bodyStream)
            request.connection.write("responded")
        }
        func post(_ number: Int) -> [UInt8] {
            let size = number % 3 == 0 ? 10 : 20_000
            return Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n".utf8)
                + [UInt8](repeating: UInt8(number), count: size)
        }
        try await withServer(backend, responding) { port in
            let count = 40
            let client = try TestClient(port: port)
            for number in 0..<count {
                try client.send(post(number))
                #expect(try client.receiveResponse().status == 200)
            }
            let onLoop = try #require(loop.value)
            let strange = try await Task(executorPreference: onLoop) {
                var strange: [String] = []
                for (number, stream) in kept.value.enumerated() {
                    do {
                        while let bytes = try await stream.next() {
                            if bytes.contains(where: { $0 != UInt8(number) }) { strange.append("\(number): \(bytes)") }
                        }
                    } catch HTTPBodyError.clientDisconnected {
                        // It ended with its exchange.
                    }
                }
                let held = kept.value.count
                kept.value = []
                return held == count ? strange : ["\(held) were kept"]
            }.value
            #expect(strange == [])
        }
    }

    // MARK: Connections

    /// Does to a connection whatever a handler can.
    private static func misuse(_ connection: HTTPConnection, abort: Bool) async {
        try? connection.setHead(.badRequest, [.location: "/elsewhere"])
        try? connection.sendInformational(.earlyHints, [.location: "/elsewhere"])
        try? connection.setTrailer(.location, "/elsewhere")
        connection.setMaxBodySize(0)
        connection.setBodyTimeout(.zero)
        connection.write("strange bytes")
        connection.write([UInt8](repeating: 120, count: 10_000))
        try? await connection.flush()
        connection.finish()
        connection.respondToFailure(500)
        if abort { connection.abort() }
        try? await connection.flush()
        connection.finish()
    }

    @Test(
        "fault 1: what is done to a connection after its exchange changes nothing for the next request",
        arguments: testedBackends, [false, true])
    func connections(_ backend: IOBackend, _ isPipelined: Bool) async throws {
        let kept = LoopHeld<[HTTPConnection]>([])
        let responding = Responding { request in
            let connection = request.connection
            for (index, old) in kept.value.enumerated() { await Self.misuse(old, abort: index % 2 == 0) }
            connection.write("begin \(request.path) ")
            try await connection.flush()
            for (index, old) in kept.value.enumerated() { await Self.misuse(old, abort: index % 2 == 1) }
            connection.write(request.body)
            connection.finish()
            kept.value = kept.value.suffix(7) + [connection]
            await Self.misuse(connection, abort: true)
        }
        func post(_ number: Int) -> String {
            let body = String(repeating: "\(number) ", count: number * 20)
            return "POST /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        try await withServer(backend, responding) { port in
            let count = 60
            let client = try TestClient(port: port)
            if isPipelined { try client.send((0..<count).map(post).joined()) }
            for number in 0..<count {
                if !isPipelined { try client.send(post(number)) }
                let response = try client.receiveResponse()
                #expect(response.status == 200)
                #expect(response.field("Location") == nil)
                let body = String(repeating: "\(number) ", count: number * 20)
                #expect(response.text == "begin /\(number) " + body)
            }
            #expect(try TestClient(port: port).ask(post(1)).status == 200)
        }
        kept.value = []
    }

    /// Refers to a connection without keeping it.
    private enum Reference {
        struct Weak { weak var connection: HTTPConnection? }
        struct Unowned { unowned let connection: HTTPConnection }

        case weak(Weak)
        case unowned(Unowned)
    }

    @Test(
        "fault 1: a weak or unowned reference to a request's connection never reaches another request",
        arguments: testedBackends, [false, true])
    func unkeptConnections(_ backend: IOBackend, _ isUnowned: Bool) async throws {
        let reference = LoopHeld<Reference?>(nil)
        let first = LoopHeld<ObjectIdentifier?>(nil)
        let reached = Notes()
        let responding = Responding { request in
            let connection = request.connection
            switch reference.value {
            case nil:
                first.value = ObjectIdentifier(connection)
                reference.value =
                    isUnowned
                    ? .unowned(Reference.Unowned(connection: connection))
                    : .weak(Reference.Weak(connection: connection))
            case .weak(let weak):
                if weak.connection === connection { reached.note(request.path) }
                weak.connection?.write("strange bytes")
            // The memory of an object to which there are unowned references is not used again, so that nothing else can
            // have its address. To read the reference would end the program.
            case .unowned: if first.value == ObjectIdentifier(connection) { reached.note(request.path) }
            }
            connection.write("own")
        }
        try await withServer(backend, responding) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/first").text == "own")
            for number in 0..<20 {
                #expect(try client.get("/same/\(number)").text == "own")
                #expect(try TestClient(port: port).get("/other/\(number)").text == "own")
            }
        }
        #expect(reached.all == [])
        reference.value = nil
    }

    // MARK: A field that is renamed

    /// Keeps a request's headers from the moment when it is asked for a delegate.
    private final class KeepingHeaders: HTTPServerConnectionDelegate {
        let kept = LoopHeld<[(early: HTTPHeaders, number: String)]>([])

        static func description(of headers: HTTPHeaders) -> String {
            "\(headers["Content-Encoding"] ?? "-") \(headers["X-Consumed-Content-Encoding"] ?? "-") \(headers["X-N"] ?? "-")"
        }

        func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
            kept.value.append((request.headers, request.query))
            return Message(request, Self.description(of: request.headers))
        }

        final class Message: HTTPMessageDelegate {
            private let request: HTTPServerRequest
            private let early: String

            init(_ request: HTTPServerRequest, _ early: String) {
                self.request = request
                self.early = early
            }

            func execute() async throws {
                request.connection.write("\(early);\(KeepingHeaders.description(of: request.headers))")
            }

            func executionFailed(_ error: any Error) async {}
        }
    }

    @Test(
        "fault 1: headers of a request whose body is decompressed do not change once somebody has seen them",
        arguments: testedBackends)
    func renamedField(_ backend: IOBackend) async throws {
        let delegate = KeepingHeaders()
        try await withServers(backend, delegate, configure: { $0.decompressRequest = true }) { group in
            let client = try TestClient(port: group.port ?? 0)
            let count = 30
            for number in 0..<count {
                let isCompressed = number % 3 != 2
                let text = Array("hello \(number)".utf8)
                let body = isCompressed ? compressed(text, gzip: number % 3 == 0) : text
                let coding = isCompressed ? "Content-Encoding: \(number % 3 == 0 ? "gzip" : "deflate")\r\n" : ""
                try client.send(
                    "POST /?\(number) HTTP/1.1\r\nHost: a\r\n\(coding)X-N: \(number)\r\n"
                        + "Content-Length: \(body.count)\r\n\r\n")
                try client.send(body)
                let own = ["- gzip \(number)", "- deflate \(number)", "- - \(number)"][number % 3]
                #expect(try client.receiveResponse().text == "\(own);\(own)")
            }
            // `HTTPHeaders` may be read on any thread.
            #expect(delegate.kept.value.count == count)
            for (number, kept) in delegate.kept.value.enumerated() {
                let own = ["- gzip \(number)", "- deflate \(number)", "- - \(number)"][number % 3]
                #expect(KeepingHeaders.description(of: kept.early) == own)
            }
        }
    }
}
