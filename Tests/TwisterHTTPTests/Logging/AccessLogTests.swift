import FoundationEssentials
import Glibc
import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

/// Responds by the request's path.
private final class Paths: HTTPServerConnectionDelegate {
    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request: request) }

    private final class Message: HTTPMessageDelegate {
        let request: HTTPServerRequest
        init(request: HTTPServerRequest) { self.request = request }

        func execute() async throws {
            let connection = request.connection
            switch request.path {
            case "/wait": try await connection.loop.sleep(for: .seconds(30))
            case "/slow":
                try await connection.loop.sleep(for: .milliseconds(1100))
                connection.write("slow")
            case "/half":
                connection.write("half")
                try await connection.flush()
                throw TestFailure("amid its response")
            case "/fails":
                try connection.setHead(HTTPResponse.Status(code: 503))
            default: connection.write("four")
            }
        }

        func executionFailed(_ error: any Error) async { request.connection.respondToFailure(500) }
    }
}

/// Counts exchanges.
private final class Counting: ExchangeObserver {
    private let counts = ConditionLock((begun: 0, ended: 0))

    func exchangeBegan(_ record: ExchangeRecord) { counts.withLock { $0.begun += 1 } }
    func exchangeEnded(_ record: ExchangeRecord) { counts.withLock { $0.ended += 1 } }

    func wait(begun: Int) async throws {
        try await eventually("\(begun) have begun") { counts.withLock { $0.begun } == begun }
    }

    func wait(ended: Int) async throws {
        try await eventually("\(ended) have ended") { counts.withLock { $0.ended } == ended }
    }
}

@Suite("Access log", .serialized)
struct AccessLogTests {
    /// Runs a server with an access log. Returns the lines, of which there are `count`.
    private func lines(
        _ backend: IOBackend, _ format: AccessLog.Format, count: Int,
        fields: ExchangeRecord.FieldSelection = .none, requestIDs: Bool = false,
        where isWanted: (@Sendable (ExchangeRecord) -> Bool)? = nil,
        configure: (inout HTTPServer.Configuration) -> Void = { _ in }, unless isSpoilt: () -> Bool = { false },
        _ body: (HTTPServerGroup, UInt16) async throws -> Void
    ) async throws -> [String] {
        var template = Array("/tmp/twister-access-XXXXXX".utf8CString)
        close(mkstemp(&template))
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(path) }
        let log = try AccessLog(
            format, to: .file(path, LogRotation(.never)), requestFields: fields, where: isWanted)
        try await withServers(
            backend, Paths(),
            configure: {
                $0.observers = [log]
                $0.requestIDs = requestIDs
                configure(&$0)
            }
        ) { try await body($0, $0.port ?? 0) }
        Log.flush(within: .seconds(20))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.count == count || isSpoilt(), "\(lines)")
        return lines
    }

    /// A request that leaves its connection open for the next one.
    private static func request(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    @Test("RH-52: arguments that are secret are not in the log", arguments: testedBackends)
    func hiddenArguments(backend: IOBackend) async throws {
        defer { Log.hiddenArguments = .none }
        let target = "/x?token=s1&a=b&to%6ben=s2&token&token=&tokens=t"
        for (hidden, query) in [
            (HiddenArguments.named(["token", "n"]), "token=***&a=b&to%6ben=***&token&token=&tokens=t"), (.all, "***"),
        ] {
            Log.hiddenArguments = hidden
            for format in AccessLog.Format.allCases {
                let lines = try await lines(backend, format, count: 2, fields: .all(except: [])) { _, port in
                    let client = try TestClient(port: port)
                    _ = try client.ask(Self.request(target, "Referer: http://a/y?n=s3#f\r\n"))
                    _ = try client.ask(Self.request("/y"))
                }
                #expect(lines[0].contains("GET /x?\(query)"), "\(lines[0])")
                for secret in ["s1", "s2", "s3"] { #expect(!lines[0].contains(secret), "\(lines[0])") }
                if format != .common { #expect(lines[0].contains("http://a/y?\(hidden == .all ? "***" : "n=***")#f")) }
                #expect(lines[1].contains("GET /y"))
            }
        }
    }

    @Test("RH-52: a line of text is Tornado's", arguments: testedBackends)
    func text(backend: IOBackend) async throws {
        let lines = try await lines(backend, .text, count: 2, requestIDs: true) { _, port in
            let client = try TestClient(port: port)
            _ = try client.ask(Self.request("/path?x=1", "X-Request-Id: a-1\r\n"))
            _ = try client.ask(Self.request("/fails", "X-Request-Id: a-2\r\n"))
        }
        let prefix =
            #/\[I [0-9]{6} [0-9:]{8} twister\.access\] 200 GET /path\?x=1 \(127\.0\.0\.1\) [0-9]+\.[0-9]{2}ms request_id=a-1/#
        #expect(lines.first?.wholeMatch(of: prefix) != nil, "\(lines)")
        #expect(lines.last?.hasPrefix("[E ") == true && lines.last?.contains("] 503 GET /fails (") == true, "\(lines)")
    }

    @Test(
        "N-49: combined lines are those of Apache and nginx, with quotation marks escaped",
        .disabled(if: TestClient.speaksHTTP2, "a malformed request of HTTP/2 has no response, and no line"),
        arguments: testedBackends)
    func combined(backend: IOBackend) async throws {
        let lines = try await lines(backend, .combined, count: 2) { _, port in
            let client = try TestClient(port: port)
            _ = try client.ask(Self.request("/\"\\?ä", "Referer: http://a/\r\nUser-Agent: x\"\u{E4}\t\\\r\n"))
            _ = try client.ask("GET /x HTTP/1.1\r\nBad Field: 1\r\n\r\n")
        }
        let date = #/127\.0\.0\.1 - - \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8} [+-][0-9]{4}\] .*/#
        #expect(lines.allSatisfy { $0.wholeMatch(of: date) != nil }, "\(lines)")
        let rest = lines.compactMap { $0.split(separator: "] ", maxSplits: 1).last }
        #expect(
            rest == [
                #""GET /\x22\x5C?\xC3\xA4 HTTP/1.1" 200 4 "http://a/" "x\x22\xC3\xA4\x09\x5C""#,
                #""GET /x HTTP/1.1" 400 "# + rest[1].dropFirst(22),
            ])
    }

    @Test(
        "N-48: a line of JSON has sizes, phases, outcome, status, and what identifies the request",
        arguments: testedBackends)
    func json(backend: IOBackend) async throws {
        struct Line: Decodable {
            let time, level, logger, client, request, outcome, userAgent, requestId: String
            let status, durationUs, bytesIn, bodyBytesIn, bytesOut, bodyBytesOut: Int
            let phasesUs: [String: Int]
            let fields: [String: String]
        }
        let request = Self.request(
            "/",
            "User-Agent: me\r\nX-Request-Id: a-1\r\nAuthorization: secret\r\nCookie: s=secret\r\nAccept: a\r\nAccept: b\r\n"
        )
        let hidden = Set([HTTPField.Name(parsed: "host")].compactMap { $0 })
        let lines = try await lines(backend, .json, count: 1, fields: .all(except: hidden), requestIDs: true) {
            _, port in
            _ = try TestClient(port: port).ask(request)
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let line = try decoder.decode(Line.self, from: Data(try #require(lines.first).utf8))
        #expect([line.level, line.logger, line.client] == ["info", "twister.access", "127.0.0.1"])
        #expect([line.request, line.outcome, line.userAgent] == ["GET / \(TestClient.version)", "responded", "me"])
        #expect(line.requestId == "a-1" && line.status == 200 && line.bodyBytesOut == 4 && line.bodyBytesIn == 0)
        // Fields of HTTP/2 are compressed.
        #expect(line.bytesIn == request.utf8.count && line.bytesOut > (TestClient.speaksHTTP2 ? 40 : 100))
        #expect(
            line.phasesUs.keys.sorted() == ["accept", "first_byte", "first_write", "handler", "head", "last_byte"])
        #expect(line.phasesUs["last_byte"] == line.durationUs)
        #expect(
            line.fields == [
                "user-agent": "me", "x-request-id": "a-1", "authorization": "***", "cookie": "***", "accept": "a, b",
            ], "X-53")
        #expect(!lines[0].contains("secret"))
    }

    @Test("X-53: only the fields that are asked for are in a line", arguments: testedBackends)
    func fields(backend: IOBackend) async throws {
        let lines = try await lines(backend, .text, count: 1, fields: .some([.accept, .cookie])) { _, port in
            _ = try TestClient(port: port).ask(Self.request("/", "Accept: \"a\"\r\nCookie: s=secret\r\nVia: b\r\n"))
        }
        #expect(lines[0].hasSuffix(#"ms accept="\x22a\x22" cookie="***""#), "\(lines)")
    }

    @Test("N-48: a request of more than a second is logged with all of its time", arguments: testedBackends)
    func duration(backend: IOBackend) async throws {
        let lines = try await lines(backend, .text, count: 1) { _, port in
            let response = try TestClient(port: port).ask(Self.request("/slow"))
            #expect(response.text == "slow")
        }
        let milliseconds = lines[0].firstMatch(of: /\) ([0-9]+)\.[0-9]{2}ms$/).flatMap { Int($0.1) }
        #expect((1100...11_000).contains(milliseconds ?? 0), "\(lines)")
    }

    @Test(
        "N-48: a client that disconnects, a cut request and half an upload are no successes",
        .disabled(if: TestClient.speaksHTTP2, "half a request line is text of HTTP/1.1"),
        arguments: testedBackends, [AccessLog.Format.common, .text])
    func failures(backend: IOBackend, format: AccessLog.Format) async throws {
        var lines: [String]?
        for _ in 0..<20 where lines == nil { lines = try await self.failures(backend, format) }
        check(try #require(lines, "the machine is too busy"), format)
    }

    /// Returns nil where the shutdown has not waited for the loop, since the machine held that up.
    private func failures(_ backend: IOBackend, _ format: AccessLog.Format) async throws -> [String]? {
        let counting = Counting()
        var isBlocked = false
        let configure = { (configuration: inout HTTPServer.Configuration) in
            configuration.headerTimeout = .milliseconds(100)
            configuration.observers.append(counting)
        }
        let lines = try await lines(backend, format, count: 5, configure: configure, unless: { isBlocked }) {
            servers, port in
            let leaving = try TestClient(port: port)
            try leaving.send(Self.request("/wait"))
            try await counting.wait(begun: 1)
            leaving.reset()
            try await counting.wait(ended: 1)
            let upload = try TestClient(port: port)
            try upload.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
            try await counting.wait(begun: 2)
            upload.reset()
            try await counting.wait(ended: 2)
            #expect((try? TestClient(port: port).ask(Self.request("/half"))) == nil)
            try await counting.wait(ended: 3)
            let slow = try TestClient(port: port)
            try slow.send("GET / HTT")
            let response = try slow.receiveResponse()
            #expect(response.status == 408)
            let cut = try TestClient(port: port)
            try cut.send(Self.request("/wait"))
            try await counting.wait(begun: 5)
            isBlocked = await !servers.shutdown(deadline: .zero).blocked.isEmpty
        }
        return isBlocked ? nil : lines
    }

    private func check(_ lines: [String], _ format: AccessLog.Format) {
        switch format {
        case .common:
            let status = lines.compactMap { $0.firstMatch(of: /" ([0-9]{3}) [0-9]+$/)?.1 }
            #expect(status == ["499", "499", "200", "408", "500"], "\(lines)")
        default:
            let ends = lines.map { $0.split(separator: "ms ").dropFirst().joined() }
            #expect(ends == ["client_disconnected", "client_disconnected", "cut", "timeout", "cut"], "\(lines)")
            #expect(!lines.contains { $0.hasPrefix("[I ") })
        }
    }

    @Test("a log may leave exchanges out", arguments: testedBackends)
    func filter(backend: IOBackend) async throws {
        let lines = try await lines(backend, .text, count: 1, where: { ($0.status ?? 0) >= 500 }) { _, port in
            let client = try TestClient(port: port)
            _ = try client.ask(Self.request("/"))
            _ = try client.ask(Self.request("/fails"))
        }
        #expect(lines[0].contains("503"))
    }
}
